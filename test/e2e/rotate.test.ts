import { afterAll, beforeAll, expect, test } from "bun:test";
import { S3Client } from "bun";
import { keysIn, type S3Key } from "#cli/install/s3-accounts";
import type { V1ConfigMap, V1Ingress, V1Secret, V1Service } from "#shared/kube/objects";
import { lines } from "#shared/lines";
import { KEY_FILE, publicHalf } from "#shared/registry/signing-key";
import { Secret } from "#shared/secret";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { handshake } from "#shared/tls/handshake";
import { forwarded } from "#test/forwarded";
import { appFiles, type Done, type Folder, folder, kube, push, server, start, type TestTenant, tenant } from "#test/lab";
import { type Load, load } from "#test/load";
import { door, type Member, member } from "#test/member";
import { RegistryUser } from "#test/registry-user";
import { rememberCa } from "#test/remember-ca";

/* Rotations while pushes, pulls and requests go on, and somebody is logged in: none of them may fail, not even when a rotation is killed and begun again. */

const api = await kube();
const resources = new AsyncDisposableStack();
let space: TestTenant;
let source: Folder;
let ann: Member;
let image = "";
let host = "";
const loads: Record<string, Load> = {};

async function secretOf(name: string, namespace = "davit"): Promise<V1Secret["data"]> {
  return (await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name }))?.data;
}

async function addressOf(service: string): Promise<string> {
  return (await api.get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: service }))?.spec?.clusterIP ?? "";
}

/** Whom everybody trusts at this moment; this process was told at its start, and learns nothing new. */
async function trusted(): Promise<string> {
  const bundle = await api.get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" });
  return bundle?.data?.["ca.crt"] ?? "";
}

/** What a node does, with the namespace's pull secret as it is now. */
async function pull(): Promise<void> {
  const secret = await secretOf("davit-pull", space.name);
  const [entry] = Object.values<{ auth: string }>(JSON.parse(atob(secret?.[".dockerconfigjson"] ?? "")).auths);
  const password = atob(entry?.auth ?? "").split(":")[1] ?? "";
  const user = new RegistryUser(`https://${await addressOf("registry")}:5000`, await trusted(), password);
  const [name = "", digest = ""] = image.slice(image.indexOf("/") + 1).split("@");
  const get = async (path: string) => {
    const answer = await user.request("GET", `/v2/${name}/${path}`, `repository:${name}:pull`);
    if (!answer.ok) throw new Error(`${path}: status ${answer.status}`);
    return answer;
  };
  const { config } = (await (await get(`manifests/${digest}`)).json()) as { config: { digest: string } };
  await (await get(`blobs/${config.digest}`)).text();
}

beforeAll(async () => {
  space = resources.use(await tenant("rotate"));
  ann = resources.use(await member(space.name, "davit-developer"));
  source = resources.use(folder(appFiles("version 0")));
  const name = space.app("steady");
  host = new URL((await door()).url).hostname.replace(/^davit/, name);
  const args = ["--name", name, "-n", space.name, "--route", host, "--route", `${name}.example.com`];
  const first = await push(source.path, args);
  expect([first.outcome, first.stderr]).toEqual(["live", expect.any(String)]);
  image = first.image ?? "";
  const loaded = (what: string, pauseMs: number, work: (turn: number) => Promise<void>) => {
    loads[what] = resources.use(load(pauseMs, work));
  };
  loaded("pushes", 0, async (turn) => {
    source.write({ "server.ts": server(`version ${turn}`) });
    const pushed = await push(source.path, args);
    if (pushed.outcome !== "live") throw new Error(`push ${turn}: ${pushed.outcome} ${pushed.stderr}`);
    image = pushed.image ?? "";
  });
  loaded("pulls", 200, pull);
  loaded("requests", 100, async () => {
    const answer = await fetch(first.url ?? "", { signal: AbortSignal.timeout(10_000), tls: { ca: await trusted() }, keepalive: false });
    if (!answer.ok || !(await answer.text()).startsWith("version ")) throw new Error(`status ${answer.status}`);
  });
  loaded("people", 1000, async () => {
    const looked = await ann.davit(["app", "show", name, "-n", space.name]);
    if (looked.code !== 0) throw new Error(looked.stderr);
  });
}, 120_000);

afterAll(() => resources.disposeAsync(), 60_000);

/** Runs a rotation; with `killAt`, ends it by force as soon as it says that. */
async function run(what: string, killAt?: string): Promise<Done> {
  const running = start(["rotate", what, "--grace", "5s", "-o", "json"]);
  const stdout = new Response(running.stdout).text();
  const said: string[] = [];
  for await (const line of lines(running.stderr)) {
    said.push(line);
    if (line === killAt) running.kill("SIGKILL");
  }
  return { code: await running.exited, stdout: await stdout, stderr: said.join("\n") };
}

/** Runs it to its end. Nothing of the load may have failed. */
async function rotate<Result>(what: string): Promise<Result> {
  const done = await run(what);
  expect([done.code, done.stderr]).toEqual([0, expect.any(String)]);
  expectNoFailures();
  return JSON.parse(done.stdout);
}

function expectNoFailures(): void {
  const failures = Object.entries(loads).map(([what, { failures }]) => [what, failures] as const);
  expect(failures).toEqual(Object.keys(loads).map((what) => [what, []] as const));
}

/** Kills it at what it says, and runs it again to its end: what there was by then has to be what there is. */
async function rotateKilled<Result>(what: string, killAt: string, newest: () => Promise<string[]>): Promise<{ result: Result; made: string[] }> {
  const before = await newest();
  const first = await run(what, killAt);
  expect([first.code, first.stderr]).toEqual([137, expect.stringContaining(killAt)]);
  const made = (await newest()).filter((one) => !before.includes(one));
  return { result: await rotate<Result>(what), made };
}

test("the signing key, and with it every pull secret", async () => {
  const kids = async () => {
    const data = (await secretOf("davit-registry-key")) ?? {};
    const keys = Object.values(KEY_FILE).flatMap((file) => data[file] ?? []);
    return (await Promise.all(keys.map((key) => publicHalf(new Secret(atob(key)))))).map(({ kid }) => kid);
  };
  const pullSecret = { apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" };
  const before = await api.get<V1Secret>(pullSecret);
  const { result, made } = await rotateKilled<{ kid: string }>("signing-key", "the new key is accepted", kids);
  const after = await api.get<V1Secret>(pullSecret);
  expect(after?.metadata?.annotations?.["davit.dev/shared-version"]).toBe(result.kid);
  expect(after?.metadata?.uid).toBe(before?.metadata?.uid ?? "");
  expect([made, await kids()]).toEqual([[result.kid], [result.kid]]);
}, 400_000);

/** The store's answer to a URL that is signed with a key. */
async function answer(key: S3Key | undefined): Promise<number> {
  await using store = await forwarded("davit", "service/s3", 7070);
  const endpoint = `https://127.0.0.1:${store.port}`;
  const { accessKey: accessKeyId = "", secretKey: secretAccessKey = "" } = key ?? {};
  const url = new S3Client({ endpoint, bucket: "davit", region: "us-east-1", accessKeyId, secretAccessKey }).presign("no-such-object");
  const { status } = await fetch(url, { tls: { ca: await trusted(), serverName: "s3.davit.svc" } });
  return status;
}

test("the S3 store's key", async () => {
  const accounts = async () => keysIn(atob((await secretOf("davit-s3-accounts"))?.["users.json"] ?? ""));
  const names = async () => (await accounts()).map(({ accessKey }) => accessKey);
  const [old] = await accounts();
  const { result, made } = await rotateKilled<{ accessKey: string }>("s3", "the store takes the new key beside the old one", names);
  expect([made, await names()]).toEqual([[result.accessKey], [result.accessKey]]);
  const [now] = await accounts();
  expect([await answer(old), await answer(now)]).toEqual([403, 404]);
}, 400_000);

async function ingressAddress(): Promise<string> {
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-agent" };
  const [address] = (await api.get<V1Ingress>(ingress))?.status?.loadBalancer?.ingress ?? [];
  return address?.ip ?? address?.hostname ?? "";
}

/** Whether each server shows a certificate that a CA, alone, is good for. */
async function shownBy(ca: string): Promise<Record<string, boolean>> {
  await using store = await forwarded("davit", "service/s3", 7070);
  const inside = { registry: 5000, "davit-agent": 8443 };
  const outside = [host, new URL((await door()).url).hostname, `${space.app("steady")}.example.com`];
  const greetings = [
    { host: "127.0.0.1", port: store.port, serverName: "s3.davit.svc" },
    ...Object.entries(inside).map(async ([name, port]) => ({ host: await addressOf(name), port, serverName: `${name}.davit.svc` })),
    ...outside.map(async (serverName) => ({ host: await ingressAddress(), port: 443, serverName })),
  ];
  const seen = (await Promise.all(greetings)).map(async (greeting) => [
    greeting.serverName,
    (await handshake({ ...greeting, ca })).problem === undefined,
  ]);
  return Object.fromEntries(await Promise.all(seen));
}

test("the CA, which afterwards has signed whatever any server shows; then back to the one before", async () => {
  const [was] = certificatesIn(await trusted());
  const bringBack = await rememberCa();
  const present = async () => certificatesIn(atob((await secretOf("davit-ca"))?.["tls.crt"] ?? "")).map(fingerprintOf);
  const { result, made } = await rotateKilled<{ ca: string; before: string }>("ca", "the next CA is the present one", present);
  expect([made, await present()]).toEqual([[result.ca], [result.ca]]);
  expect(result.before).toBe(was ? fingerprintOf(was) : "");
  const [now] = certificatesIn(await trusted());
  const [byNew, byOld] = [await shownBy(String(now)), await shownBy(String(was))];
  expect([Object.keys(byNew).length, Object.values(byNew).every(Boolean), Object.values(byOld).some(Boolean)]).toEqual([6, true, false]);

  await bringBack();
  expect(await rotate<{ ca: string; before: string }>("ca")).toEqual({ ca: result.before, before: result.ca });
  await loads["pushes"]?.more(1);
  expectNoFailures();
}, 400_000);
