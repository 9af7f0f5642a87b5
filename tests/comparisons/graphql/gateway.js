// A GraphQL gateway over the nodes of a federation, as its users would write one: Apollo Server, a gRPC client for each city,
// a resolver that asks all of them at once, and a merge of their first pages.
//
//   node gateway.js FOLDER-OF-PROTO < configuration
//
// The configuration is JSON: { "cities": [{ "id", "address", "authority", "token" }] }. The first line that is printed is
// the URL at which it serves.

import { readFileSync } from "node:fs";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [proto] = process.argv.slice(2);
const { cities } = JSON.parse(readFileSync(0, "utf8"));

const definition = loader.loadSync("isopolity/catalog/v1/catalog_service.proto", {
  includeDirs: [proto],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
});
const { CatalogService } = grpc.loadPackageDefinition(definition).isopolity.catalog.v1;

const nodes = cities.map(({ id, address, authority, token }) => {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const credentials = grpc.credentials.createSsl(readFileSync(authority));
  return { id, metadata, client: new CatalogService(address, credentials) };
});

// One city's page, from its own records alone.
function page(node, question, first, facets) {
  const request = { question, page_size: first, cities: [node.id], facets };
  const options = { deadline: Date.now() + 60_000 };
  return new Promise((resolve, reject) => {
    node.client.search(request, node.metadata, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

const byTime = (one, two) =>
  two.update_time.seconds - one.update_time.seconds || two.update_time.nanos - one.update_time.nanos;
const byName = (one, two) => (one.name < two.name ? -1 : 1);

async function search(_, { text, kinds, countries, first, facets }) {
  const question = { text, kinds, origin_countries: countries };
  const wanted = facets.map((facet) => ({ facet: `FACET_${facet}`, limit: 0 }));
  const pages = await Promise.all(nodes.map((node) => page(node, question, first, wanted)));
  const better = text === "" ? byTime : (one, two) => two.score - one.score;
  const hits = pages.flatMap((page) => page.hits).sort((one, two) => better(one, two) || byName(one, two));
  const counts = new Map();
  for (const { facet, values } of pages.flatMap((page) => page.facets ?? [])) {
    const sums = counts.get(facet) ?? new Map();
    for (const { value, count } of values) sums.set(value, (sums.get(value) ?? 0) + count);
    counts.set(facet, sums);
  }
  return {
    total: pages.reduce((sum, page) => sum + page.total, 0),
    hits: hits.slice(0, first),
    facets: [...counts].map(([facet, sums]) => ({
      facet: facet.replace("FACET_", ""),
      values: [...sums].map(([value, count]) => ({ value, count })).sort((one, two) => two.count - one.count),
    })),
  };
}

const server = new ApolloServer({
  typeDefs: `#graphql
    enum Facet { KIND ORIGIN_COUNTRY }
    type Value { value: String!, count: Int! }
    type Counts { facet: Facet!, values: [Value!]! }
    type Hit { city: String!, name: String!, kind: String!, score: Float! }
    type Results { total: Int!, hits: [Hit!]!, facets: [Counts!]! }
    type Query {
      search(
        text: String! = "", kinds: [String!]! = [], countries: [String!]! = [], first: Int! = 25, facets: [Facet!]! = []
      ): Results!
    }
  `,
  resolvers: { Query: { search } },
});

const { url } = await startStandaloneServer(server, { listen: { host: "127.0.0.1", port: 0 } });
console.log(url);
