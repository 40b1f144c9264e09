import { afterAll, beforeAll, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { mintAgentCredential, mintBuildCredential, mintPullCredential } from "#shared/registry/credential";
import { type RegistryKey, registryKeyOf } from "#shared/registry/key";
import { JWKS_PATH, KEY_FILE, newSigningKey } from "#shared/registry/signing-key";
import type { Secret } from "#shared/secret";
import { startDistribution, writeGateFiles } from "#test/distribution";
import { RegistryUser } from "#test/registry-user";
import { temporaryFolder } from "#test/temporary";
import { readGateConfig } from "./config.ts";
import { type Gate, serveGate } from "./gate.ts";
import { mintRegistryToken } from "./token.ts";

const resources = new AsyncDisposableStack();
let files: Awaited<ReturnType<typeof writeGateFiles>>;
let gate: Gate;
let key: RegistryKey;
const said: string[] = [];
const log = (message: string, facts: object = {}) => void said.push(`${message} ${JSON.stringify(facts)}`);
const user = (password: string) => new RegistryUser(`https://localhost:${gate.port}`, files.ca, password);
const build = async (repository: string, ttlSeconds = 60) => user((await mintBuildCredential(key, { repository, ttlSeconds })).reveal());
const puller = async (namespace: string) => user((await mintPullCredential(key, { namespace })).reveal());

beforeAll(async () => {
  const folder = resources.use(await temporaryFolder()).path;
  files = await writeGateFiles(folder);
  key = await registryKeyOf(files.key);
  const distribution = resources.use(await startDistribution(folder));
  gate = await serveGate({ ...config(folder), upstream: distribution.url }, log);
  resources.defer(() => gate.stop(true));
});
afterAll(() => resources.disposeAsync());

function servedCertificate(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ host: "localhost", port: gate.port, ca: files.ca }, () => {
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    resolve(new X509Certificate(raw).toString().trim());
  });
  socket.on("error", reject);
  return promise;
}

function config(folder: string) {
  return readGateConfig({
    DAVIT_GATE_HOST: "localhost",
    DAVIT_GATE_PORT: "0",
    DAVIT_GATE_PULLS_PORT: "0",
    DAVIT_GATE_TLS: join(folder, "tls"),
    DAVIT_GATE_KEYS: join(folder, "keys"),
    DAVIT_GATE_TOKEN_KEY: join(folder, "token-key"),
  });
}

test("a build pushes its repository and cache, its namespace pulls them, by GET and by form", async () => {
  const image = await (await build("shop/cart")).push("shop/cart", "1", ["layer"]);
  await (await build("shop/cart")).push("shop/cart/cache", "key", ["cached"]);
  const shop = await puller("shop");
  expect(await shop.pull("shop/cart", "1")).toEqual(image);
  expect(await shop.pull("shop/cart", "1", { tokenBy: "form" })).toEqual(image);
  const head = await shop.request("HEAD", "/v2/shop/cart/manifests/1", "repository:shop/cart:pull");
  expect(head.headers.get("docker-content-digest")).toBe(image.digest);
  expect(Number(head.headers.get("content-length"))).toBe(image.manifest.length);
});

test("a build pushes and pulls nothing else", async () => {
  const other = await build("shop/cart");
  for (const repository of ["shop/ledger", "bank/ledger", "shop/cart2", "shop/cart/other", "shop"]) {
    expect(await other.push(repository, "1", ["x"]).catch(String)).toContain("401");
    expect((await other.request("GET", `/v2/${repository}/tags/list`, `repository:${repository}:pull`)).status).toBe(401);
  }
  expect((await other.request("GET", "/v2/_catalog", "registry:catalog:*")).status).toBe(401);
});

test("a blob of another repository cannot be mounted into one's own", async () => {
  const secret = await (await build("bank/ledger")).push("bank/ledger", "1", ["the bank's layer"]);
  const path = `/v2/shop/cart/blobs/uploads/?mount=${secret.layers[0]}&from=bank/ledger`;
  const answer = await (await build("shop/cart")).request("POST", path, "repository:shop/cart:pull,push repository:bank/ledger:pull");
  expect([401, 202]).toContain(answer.status);
  expect((await (await puller("shop")).request("HEAD", `/v2/shop/cart/blobs/${secret.layers[0]}`, "repository:shop/cart:pull")).status).toBe(404);
});

test("a namespace's credential pulls nothing of another, pushes and deletes nothing", async () => {
  const image = await (await build("bank/ledger")).push("bank/ledger", "1", ["money"]);
  const shop = await puller("shop");
  expect(await shop.pull("bank/ledger", "1").catch(String)).toContain("401");
  expect(await shop.push("shop/cart", "1", ["x"]).catch(String)).toContain("401");
  expect(await shop.push("bank/ledger", "1", ["x"]).catch(String)).toContain("401");
  const bank = await puller("bank");
  expect((await bank.request("DELETE", `/v2/bank/ledger/manifests/${image.digest}`, "repository:bank/ledger:pull,delete")).status).toBe(401);
});

test("in clear images are pulled, and nothing is changed there or by a token from there", async () => {
  const image = await (await build("shop/clear")).push("shop/clear", "1", ["layer"]);
  const inClear = (password: string) => new RegistryUser(`http://localhost:${gate.pullsPort}`, "", password);
  const shop = inClear((await mintPullCredential(key, { namespace: "shop" })).reveal());
  expect(await shop.pull("shop/clear", "1")).toEqual(image);
  expect(await shop.pull("shop/clear", "1", { tokenBy: "form" })).toEqual(image);
  expect(await shop.pull("bank/ledger", "1").catch(String)).toContain("401");
  const builder = inClear((await mintBuildCredential(key, { repository: "shop/clear", ttlSeconds: 60 })).reveal());
  const changed = await (await build("shop/clear")).request("POST", "/v2/shop/clear/blobs/uploads/", "repository:shop/clear:pull,push");
  expect(changed.status).toBe(202);
  const { token: fromClear } = (await (await builder.askToken("repository:shop/clear:pull,push")).json()) as { token: string };
  const inside = { method: "POST", headers: { authorization: `Bearer ${fromClear}` }, tls: { ca: files.ca } };
  expect((await fetch(`https://localhost:${gate.port}/v2/shop/clear/blobs/uploads/`, inside)).status).toBe(401);
  const token = await (await build("shop/clear")).askToken("repository:shop/clear:pull,push");
  const authorization = `Bearer ${((await token.json()) as { token: string }).token}`;
  const at = (path: string, method: string) => fetch(`http://localhost:${gate.pullsPort}${path}`, { method, headers: { authorization } });
  const refused = [at("/v2/shop/clear/blobs/uploads/", "POST"), at(`/v2/shop/clear/manifests/${image.digest}`, "DELETE"), at("/storage", "GET")];
  expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([405, 405, 405]);
});

test("a pull that came through an ingress is sent back there for its token", async () => {
  const challenge = async (headers: Record<string, string>) =>
    (await fetch(`http://localhost:${gate.pullsPort}/v2/`, { headers })).headers.get("www-authenticate") ?? "";
  expect(await challenge({})).toContain(`realm="http://localhost:${gate.pullsPort}/auth/token"`);
  expect(await challenge({ host: "registry.example.com", "x-forwarded-proto": "https" })).toContain(
    'realm="https://registry.example.com/auth/token"',
  );
});

test("the agent deletes what its credential names", async () => {
  const image = await (await build("shop/old")).push("shop/old", "1", ["old"]);
  const agent = user(
    (await mintAgentCredential(key, { ttlSeconds: 60, access: [{ repository: "shop/old", actions: ["pull", "delete"] }] })).reveal(),
  );
  expect((await agent.request("DELETE", `/v2/shop/old/manifests/${image.digest}`, "repository:shop/old:pull,delete")).status).toBe(202);
  expect((await agent.request("GET", `/v2/shop/old/manifests/${image.digest}`, "repository:shop/old:pull")).status).toBe(404);
});

test("expired, foreign, wrong-kind and absent credentials are refused, and the log has none of them", async () => {
  const expired = (await mintBuildCredential(key, { repository: "shop/cart", ttlSeconds: -1 })).reveal();
  const foreign = (await mintPullCredential(await registryKeyOf(await newSigningKey()), { namespace: "shop" })).reveal();
  const bearer = (await mintRegistryToken(key, { subject: "x", access: [], ttlSeconds: 60 })).reveal();
  for (const [password, why] of [
    [expired, "has expired"],
    [foreign, "is not one that this davit made"],
    [bearer, "is not one"],
    ["x", "is not one"],
  ] as const) {
    const answer = await user(password).askToken("repository:shop/cart:pull");
    expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining(why)]);
    expect(said.join("\n")).not.toContain(password.length > 9 ? password.slice(0, 40) : "password");
  }
  const anonymous = await fetch(`https://localhost:${gate.port}/auth/token?service=registry`, { tls: { ca: files.ca } });
  expect([anonymous.status, anonymous.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="davit"']);
  // A credential is not a token either: distribution itself refuses it.
  const pull = (await mintPullCredential(key, { namespace: "shop" })).reveal();
  const direct = await fetch(`https://localhost:${gate.port}/v2/shop/cart/tags/list`, {
    headers: { authorization: `Bearer ${pull}` },
    tls: { ca: files.ca },
  });
  expect(direct.status).toBe(401);
});

test("while one key replaces another credentials of both are good, and afterwards those of the new one only", async () => {
  const kids = async () => {
    const answer = await fetch(`https://localhost:${gate.port}${JWKS_PATH}`, { tls: { ca: files.ca } });
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const write = (name: string, jwk: Secret) => Bun.write(join(files.folder, "keys", name), jwk.reveal());
  const until = async (wanted: string[]) => {
    while ((await kids()).join() !== wanted.join()) await Bun.sleep(50);
  };
  const next = await newSigningKey();
  const newKey = await registryKeyOf(next);
  const image = await (await build("shop/turn")).push("shop/turn", "1", ["layer"]);
  const answers = async () => {
    const credentials = await Promise.all([key, newKey].map((of) => mintPullCredential(of, { namespace: "shop" })));
    const pulls = credentials.map((one) => user(one.reveal()).pull("shop/turn", image.digest));
    return (await Promise.allSettled(pulls)).map(({ status }) => status);
  };
  const stop = new AbortController();
  const following = gate.followKeys(stop.signal);
  expect(await answers()).toEqual(["fulfilled", "rejected"]);
  await write(KEY_FILE.accepted, next);
  await until([key.kid, newKey.kid]);
  expect(await answers()).toEqual(["fulfilled", "fulfilled"]);
  await write(KEY_FILE.signs, next);
  await write(KEY_FILE.accepted, files.key);
  await until([newKey.kid, key.kid]);
  expect(await answers()).toEqual(["fulfilled", "fulfilled"]);
  await rm(join(files.folder, "keys", KEY_FILE.accepted));
  await until([newKey.kid]);
  expect(await answers()).toEqual(["rejected", "fulfilled"]);
  await write(KEY_FILE.signs, files.key);
  await until([key.kid]);
  stop.abort();
  await following;
}, 30_000);

test("the challenge sends clients back to the registry's own address", async () => {
  const answer = await fetch(`https://localhost:${gate.port}/v2/`, { tls: { ca: files.ca } });
  expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
    401,
    `Bearer realm="https://localhost:${gate.port}/auth/token",service="registry"`,
  ]);
});

test("a token form that does not end is cut off", async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (stream) => stream.enqueue(new Uint8Array(16384).fill(97)) });
  const answer = await fetch(`https://localhost:${gate.port}/auth/token`, { method: "POST", body, tls: { ca: files.ca } }).catch(() => undefined);
  if (answer) expect(answer.status).toBe(400);
  expect((await fetch(`https://localhost:${gate.port}/healthz`, { tls: { ca: files.ca } })).status).toBe(200);
});

test("a renewed certificate is served without a restart; an unchanged one changes nothing", async () => {
  expect(await gate.reload()).toBe(false);
  await files.renew();
  expect(await gate.reload()).toBe(true);
  expect(await servedCertificate()).toBe((await Bun.file(join(files.folder, "tls", "tls.crt")).text()).trim());
});

test("without distribution: not healthy, and a push is told to come back", async () => {
  const alone = await serveGate({ ...config(files.folder), upstream: "http://127.0.0.1:1" }, log);
  const get = (path: string) => fetch(`https://localhost:${alone.port}${path}`, { tls: { ca: files.ca } }).then((answer) => answer.status);
  expect([await get("/healthz"), await get("/v2/"), await get("/metrics")]).toEqual([503, 503, 404]);
  await alone.stop(true);
});
