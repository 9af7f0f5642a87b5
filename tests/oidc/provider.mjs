// A real OpenID Connect provider over TLS, whose keys can be changed while it runs, and which counts how often they are fetched.

import { createServer } from "node:https";
import Provider from "oidc-provider";

/** What each kind of key is for. */
const ALGORITHMS = { ES256: { kty: "EC", crv: "P-256" }, EdDSA: { kty: "OKP", crv: "Ed25519" }, RS256: { kty: "RSA" } };

/** Makes private keys, one for each algorithm, with ids that say of which making they are. */
export async function makeKeys(making) {
  const { generateKeyPair, exportJWK } = await import("jose");
  return Promise.all(
    Object.keys(ALGORITHMS).map(async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), kid: `${alg}-${making}`, alg, use: "sig" };
    }),
  );
}

export class TestProvider {
  /** `clients`: which groups each client's tokens name. */
  constructor({ port, key, cert, clients }) {
    this.issuer = `https://localhost:${port}`;
    this.clients = clients;
    this.fetched = 0;
    this.port = port;
    this.tls = { key, cert };
  }

  /** Serves with these keys, instead of those before. */
  useKeys(keys) {
    const provider = new Provider(this.issuer, {
      jwks: { keys },
      clients: Object.keys(this.clients).map((id) => ({
        client_id: id,
        client_secret: "a secret of the test",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      })),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          // The resource says who the token is for, and how it is signed: urn:AUDIENCE:ALGORITHM.
          getResourceServerInfo: (_context, resource) => {
            const [, audience, alg] = resource.split(":");
            return { scope: "", audience, accessTokenTTL: 300, accessTokenFormat: "jwt", jwt: { sign: { alg } } };
          },
        },
      },
      extraTokenClaims: (_context, token) => ({ groups: this.clients[token.clientId].groups }),
      formats: {
        customizers: {
          // What the test wants to be otherwise, before the provider signs it.
          jwt: (_context, token, parts) => {
            Object.assign(parts.payload, this.clients[token.clientId].claims?.());
            return parts;
          },
        },
      },
    });
    provider.on("server_error", (_context, error) => console.error("provider:", error));
    const answer = provider.callback();
    this.answer = (request, response) => {
      if (request.url === "/jwks") this.fetched += 1;
      return answer(request, response);
    };
  }

  async start() {
    this.server = createServer(this.tls, (request, response) => this.answer(request, response));
    await new Promise((done, failed) => this.server.once("error", failed).listen(this.port, "127.0.0.1", done));
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
