// Holds a node to tokens of a real OpenID Connect provider.
//
//   node check.mjs PATH-OF-THE-ISOPOLITY-BINARY FOLDER
//
// The folder holds ca.pem, and key.pem and cert.pem for localhost. Ends with 1 if anything is not as it should be. The last line says
// how many checks were made.

import { execFile, spawn } from "node:child_process";
import { readFileSync, writeFileSync, appendFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeKeys, TestProvider } from "./provider.mjs";

const [binary, folder] = process.argv.slice(2);
const city = join(folder, "city");
const ca = readFileSync(join(folder, "ca.pem"));
let checks = 0;

function check(what, is) {
  checks += 1;
  if (!is) throw new Error(`it is not so that ${what}`);
  console.log(`ok: ${what}`);
}

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Runs the command line with a token: its exit code and what it said. */
function isopolity(token, ...args) {
  const env = { PATH: process.env.PATH, HOME: folder, ...(token ? { ISOPOLITY_TOKEN: token } : {}) };
  return new Promise((done) => {
    execFile(binary, ["--dir", city, "--output", "json", ...args], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      done({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

const port = await freePort();
const provider = new TestProvider({
  port,
  key: readFileSync(join(folder, "key.pem")),
  cert: readFileSync(join(folder, "cert.pem")),
  clients: {
    economy: { groups: ["economy-office"] },
    it: { groups: ["nobody-knows", "it-office"] },
    strangers: { groups: ["nobody-knows"] },
    nobody: { groups: [] },
    yesterday: { groups: ["it-office"], claims: () => ({ exp: Math.floor(Date.now() / 1000) - 61 }) },
    tomorrow: { groups: ["it-office"], claims: () => ({ nbf: Math.floor(Date.now() / 1000) + 3600 }) },
    impostor: { groups: ["it-office"], claims: () => ({ iss: "https://elsewhere.example" }) },
  },
});

/** A token as the provider gives it to a client. */
async function token(client, audience = "isopolity", alg = "ES256") {
  const body = new URLSearchParams({ grant_type: "client_credentials", resource: `urn:${audience}:${alg}` }).toString();
  const text = await new Promise((done, failed) => {
    const request = httpsRequest(
      { host: "localhost", port, path: "/token", method: "POST", ca, agent: false, auth: `${client}:a+secret+of+the+test`,
        headers: { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => done(text));
      },
    );
    request.on("error", failed).end(body);
  });
  const answer = JSON.parse(text);
  if (!answer.access_token) throw new Error(`the provider gives no token: ${text}`);
  return answer.access_token;
}

async function refused(what, bearer, reason) {
  const said = await isopolity(bearer, "codes");
  check(`${what} is refused with ${reason}`, said.code === 3 && said.stderr.includes(`[${reason}]`));
}

async function taken(what, bearer, role) {
  const said = await isopolity(bearer, "whoami");
  check(`${what} is taken`, said.code === 0 || console.error(said.stderr));
  const about = JSON.parse(said.stdout);
  check(`${what} is ${role}`, about.role === role && about.identification === "IDENTIFICATION_PROVIDER");
  return about.id;
}

// A node, before there is a provider.
const made = await isopolity(undefined, "init", "--city", "feira.example", "--federation-listen", `127.0.0.1:${await freePort()}`,
  "--api-listen", `127.0.0.1:${await freePort()}`);
if (made.code !== 0) throw new Error(made.stderr);
const local = JSON.parse(made.stdout).token;
writeFileSync(join(city, "provider.pem"), ca);
appendFileSync(join(city, "isopolity.toml"), `
[oidc]
issuer = "${provider.issuer}"
audience = "isopolity"
clients = ["economy", "it", "strangers", "nobody", "yesterday", "tomorrow", "impostor"]
ca = "provider.pem"

[oidc.roles]
economy-office = "editor"
it-office = "administrator"
`);
const node = spawn(binary, ["--dir", city, "serve"], { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH } });
let log = "";
const ready = new Promise((done, failed) => {
  node.stderr.setEncoding("utf8").on("data", (part) => {
    log += part;
    if (log.includes("node is ready")) done();
  });
  node.on("exit", () => failed(new Error(`the node ended:\n${log}`)));
});

try {
  await ready;
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const madeUp = `${encoded({ alg: "ES256", kid: "made-up" })}.${encoded({ sub: "x" })}.AAAA`;
  check("a token of ours is taken without a provider", (await isopolity(local, "token", "list")).code === 0);
  await refused("a token of a provider that is not there", madeUp, "PROVIDER_UNREACHABLE");

  provider.useKeys(await makeKeys("first"));
  await provider.start();
  const economy = await token("economy");
  const id = await taken("somebody of the economy office", economy, "ROLE_EDITOR");
  check("the id says nothing of who it is", !id.includes("economy"));
  check("the same client has the same id", id === (await taken("the same with RSA", await token("economy", "isopolity", "RS256"), "ROLE_EDITOR")));
  await taken("the same with Ed25519", await token("economy", "isopolity", "EdDSA"), "ROLE_EDITOR");
  check("an editor does not administer", (await isopolity(economy, "token", "list")).stderr.includes("[RIGHT_MISSING]"));
  const it = await token("it");
  await taken("somebody of the IT office", it, "ROLE_ADMINISTRATOR");
  check("an administrator administers", (await isopolity(it, "token", "list")).code === 0);
  check("the keys were fetched once", provider.fetched === 1);

  await refused("a group that has no role", await token("strangers"), "RIGHT_MISSING");
  await refused("somebody without a group", await token("nobody"), "RIGHT_MISSING");
  await refused("a token for another audience", await token("it", "payroll"), "TOKEN_INVALID");
  await refused("a token that has expired", await token("yesterday"), "TOKEN_INVALID");
  await refused("a token that is not valid yet", await token("tomorrow"), "TOKEN_INVALID");
  await refused("a token of another issuer", await token("impostor"), "TOKEN_INVALID");

  const [header, claims, signature] = it.split(".");
  const said = JSON.parse(Buffer.from(header, "base64url"));
  for (const alg of ["none", "None", "HS256"]) {
    await refused(`a token with alg ${alg}`, `${encoded({ ...said, alg })}.${claims}.${signature}`, "TOKEN_INVALID");
  }
  await refused("a token with alg none and no signature", `${encoded({ ...said, alg: "none" })}.${claims}.`, "TOKEN_INVALID");
  const [, others] = economy.split(".");
  await refused("another's claims under a signature", `${header}.${others}.${signature}`, "TOKEN_INVALID");
  check("none of these made the node fetch keys", provider.fetched === 1);

  // The provider makes new keys and forgets the old ones.
  provider.useKeys(await makeKeys("second"));
  await taken("a token that is signed with a new key", await token("it"), "ROLE_ADMINISTRATOR");
  check("the keys were fetched once more", provider.fetched === 2);
  await refused("a token that is signed with a key that is gone", it, "TOKEN_INVALID");
  for (let time = 0; time < 5; time += 1) {
    await refused("a key that is made up", madeUp, "TOKEN_INVALID");
  }
  check("made-up keys do not make the node ask again and again", provider.fetched <= 3);

  const kept = await token("it");
  await provider.stop();
  await taken("a token of a provider that went away", kept, "ROLE_ADMINISTRATOR");
  check("a token of ours is taken as before", (await isopolity(local, "token", "list")).code === 0);
  const secrets = [economy, it, kept].map((bearer) => bearer.split(".").pop()).concat(local.split("_").slice(2).join("_"));
  check("no token stands in the log", secrets.every((secret) => secret.length > 40 && !log.includes(secret)));
  console.log(`${checks} checks passed`);
} catch (error) {
  console.error(log.split("\n").map((line) => `node: ${line}`).join("\n"));
  console.error(error);
  process.exitCode = 1;
} finally {
  node.removeAllListeners("exit");
  const ended = new Promise((done) => node.once("exit", done));
  node.kill("SIGTERM");
  await ended;
  if (provider.server?.listening) await provider.stop();
}
