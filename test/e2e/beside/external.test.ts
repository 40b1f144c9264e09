import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Revision } from "#agent/objects/types";
import { REGISTRY } from "#cli/install/components";
import type { KubeObject, V1Namespace, V1Secret } from "#shared/kube/objects";
import { lines } from "#shared/lines";
import { RegistryApi } from "#shared/oci/registry-api";
import { sha256 } from "#shared/pack";
import type { PushEvent } from "#shared/push-event";
import { type ExternalRegistry, startExternalRegistry } from "#test/external";
import { type FaultyProxy, startFaultyProxy } from "#test/faulty-proxy";
import { forwardProxy } from "#test/forward-proxy";
import { installAgain } from "#test/installed-with";
import { appFiles, DOCKERFILE, davit, folder, kube, push, server, start, type TestTenant, tenant } from "#test/lab";
import { onLab, labTest as test } from "#test/lab-test";
import { live, randomText } from "#test/live";
import { type OwnCluster, ownCluster } from "#test/own-cluster";
import { poll } from "#test/poll";
import { startVersity, type TestStore } from "#test/versity";
import { digestsOnDisk } from "#test/volume";
import { clusterOf } from "../../../scripts/cluster/register.ts";

/* An installation whose S3 store and registry are servers of this machine: private CAs, passwords, a prefix, another login for nodes. */

const LOGIN = { user: "davit-ci", password: "writes it" };
const PULL = { user: "davit-nodes", password: "reads it" };
/** What takes the place of the others. */
const NEXT = { user: "davit-ci-2", password: "writes it too" };
const NEXT_KEY = { accessKey: "test-2", secretKey: "test-secret-2" };
const PREFIX = "team/davit";

let cluster: OwnCluster;
let s3: TestStore;
let proxy: FaultyProxy;
let registry: ExternalRegistry;
let space: TestTenant;
/** Flags that mean the store and the registry. */
let s3Flags: string[];
let registryFlags: string[];
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  if (!onLab) return;
  cluster = resources.use(await ownCluster("external"));
  const address = cluster.host;
  s3 = resources.use(await startVersity({ address, others: [NEXT_KEY] }));
  proxy = resources.use(await startFaultyProxy(s3.place, { address, tls: true }));
  registry = resources.use(await startExternalRegistry({ address, login: LOGIN, others: [PULL, NEXT] }));
  const files = resources.use(
    folder({
      "s3-key": "test\ntest-secret\n",
      "s3-ca": proxy.place.ca,
      "registry-ca": registry.place.ca,
      password: LOGIN.password,
      "pull-password": PULL.password,
    }),
  );
  const file = (name: string) => join(files.path, name);
  s3Flags = [
    ...["--s3-endpoint", proxy.place.endpoint.origin, "--s3-bucket", "davit", "--path-style", "--s3-ca", file("s3-ca")],
    ...["--s3-access-key-file", file("s3-key")],
  ];
  registryFlags = [
    ...["--registry", `${registry.place.host}/${PREFIX}`, "--registry-ca", file("registry-ca")],
    ...["--registry-user", LOGIN.user, "--registry-password-file", file("password")],
    ...["--registry-pull-user", PULL.user, "--registry-pull-password-file", file("pull-password")],
  ];
  await cluster.install("--keep-revisions", "1", ...s3Flags, ...registryFlags);
  space = await tenant("external");
}, 300_000);
afterAll(() => resources.disposeAsync(), 60_000);

/** The installation's CA does not matter here: other tests look at certificates. */
const UNCHECKED = { tls: { rejectUnauthorized: false } };

async function get(url: string | null | undefined): Promise<string> {
  return await (await fetch(url ?? "", UNCHECKED)).text();
}

async function namesOf(kind: string, apiVersion = "v1"): Promise<(string | undefined)[]> {
  const found = await (await kube()).list<KubeObject>({ apiVersion, kind, namespace: "davit" });
  return found.map(({ metadata }) => metadata?.name);
}

async function keysOf(): Promise<string[]> {
  const uid = (await (await kube()).get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: space.name }))?.metadata?.uid;
  return await s3.store.list(`ns/${uid}/`);
}

/** Tags of the app's repository; undefined when there is no such repository. */
async function tagsOf(app: string): Promise<string[] | undefined> {
  const api = new RegistryApi({ ...registry.place, prefix: PREFIX });
  const response = await api.request(`${space.name}/${app}`, "tags/list", "pull");
  return response.ok ? (((await response.json()) as { tags: string[] | null }).tags ?? []) : undefined;
}

test("nothing built-in is installed, and nodes trust the registry and log in as who may only pull", async () => {
  expect(await namesOf("Deployment", "apps/v1")).toEqual(["davit-agent"]);
  expect(await namesOf("Service")).toEqual(["davit-agent"]);
  expect(await namesOf("PersistentVolumeClaim")).toEqual([]);
  expect((await namesOf("Secret")).filter((name) => /^davit-(s3|registry)(-tls)?$/.test(name ?? ""))).toEqual([]);
  expect(readdirSync(join(cluster.certsDir, registry.place.host)).sort()).toEqual(["davit-ca.crt", "hosts.toml"]);
  const pull = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" });
  const { auths } = JSON.parse(Buffer.from(pull?.data?.[".dockerconfigjson"] ?? "", "base64").toString());
  expect(auths).toEqual({ [registry.place.host]: { auth: btoa(`${PULL.user}:${PULL.password}`) } });
  const status = JSON.parse((await davit(["status", "-o", "json"])).stdout);
  expect(status).toMatchObject({ healthy: true, s3: `${proxy.place.endpoint.origin}/davit`, registry: `${registry.place.host}/${PREFIX}` });
});

test("push, push again, roll back, collect garbage, delete: all of it is there, and then nothing", async () => {
  const app = space.app("shop");
  const args = ["--name", app, "-n", space.name];
  using source = folder(appFiles("one"));
  const first = await push(source.path, args);
  expect({ outcome: first.outcome, fault: first.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(first.image).toStartWith(`${registry.place.host}/${PREFIX}/${space.name}/${app}@sha256:`);
  expect(await push(source.path, args)).toMatchObject({ outcome: "unchanged" });
  source.write({ "server.ts": server("two") });
  const second = await push(source.path, args);
  expect([second.outcome, await get(second.url)]).toEqual(["live", "two"]);

  const back = await davit(["app", "rollback", app, "-n", space.name, "-o", "json"]);
  expect({ code: back.code, stderr: back.stderr }).toMatchObject({ code: 0 });
  expect([await get(second.url), JSON.parse(back.stdout).image]).toEqual(["one", first.image]);

  expect(await tagsOf(app)).toEqual(["1", "2"]);
  expect((await davit(["gc", "-n", space.name])).code).toBe(0);
  expect(await tagsOf(app)).toEqual(["1"]);
  expect((await davit(["app", "delete", app, "-n", space.name, "--yes"])).code).toBe(0);
  expect(await keysOf()).toEqual([]);
  expect((await tagsOf(app)) ?? []).toEqual([]);
}, 120_000);

test("a store that is slow, asked too much or cut off costs a push time; one that stays so fails it, and leaves nothing half-made", async () => {
  const args = ["--name", space.app("tough"), "-n", space.name];
  using source = folder(appFiles("0"));
  const faults = [
    ["slow", "PUT", 20],
    ["503", "PUT", 2],
    ["truncated", "GET", 2],
  ] as const;
  for (const [index, [fault, method, times]] of faults.entries()) {
    source.write({ "server.ts": server(String(index)), "ballast.txt": randomText(1 << 20) });
    const before = proxy.spoiled;
    proxy.fail(fault, method, times);
    const done = await push(source.path, args);
    expect({ fault, method, outcome: done.outcome, why: done.fault }).toEqual({ fault, method, outcome: "live", why: undefined });
    expect([await get(done.url), proxy.spoiled > before]).toEqual([String(index), true]);
  }
  proxy.fail("503", "PUT", Number.POSITIVE_INFINITY);
  source.write({ "server.ts": server("after"), "ballast.txt": randomText(1 << 20) });
  const failed = await push(source.path, args);
  expect(failed).toMatchObject({ exit: 32, outcome: "failed", revision: null, fault: { code: "store_unavailable" } });
  proxy.fail("none", "PUT", 0);
  const done = await push(source.path, args);
  expect([done.outcome, done.revision, await get(done.url)]).toEqual(["live", faults.length + 1, "after"]);
}, 240_000);

test("by a proxy with a password: pushes go live, and davit doctor finds each way well", async () => {
  const { host, node } = clusterOf(process.env).net;
  await using way = await forwardProxy({ login: { user: "davit", password: "passes" }, hostname: host });
  await installAgain("--https-proxy", way.url, "--no-proxy", node);
  using source = folder(appFiles("by proxy"));
  const done = await push(source.path, ["--name", space.app("passed"), "-n", space.name]);
  expect([done.outcome, await get(done.url)]).toEqual(["live", "by proxy"]);
  const places = new Set([proxy.place.endpoint.host, registry.place.host]);
  expect([new Set(way.passed), way.refused]).toEqual([places, []]);
  way.passed.length = 0;
  const ways = ["agent-s3", "build-s3", "build-registry"].flatMap((hop) => ["--only", hop]);
  const looked = await davit(["doctor", ...ways, "-o", "json"]);
  expect({ code: looked.code, stdout: looked.stdout, passed: new Set(way.passed) }).toMatchObject({ code: 0, passed: places });
  await installAgain("--https-proxy", "", "--no-proxy", "");
}, 180_000);

test("what a registry refuses to delete stays there and is told of, and nothing fails for it", async () => {
  await registry.restart({ deletes: false });
  const app = space.app("kept");
  const args = ["--name", app, "-n", space.name];
  using source = folder(appFiles("one"));
  for (const text of ["one", "two"]) {
    source.write({ "server.ts": server(text) });
    expect(await push(source.path, args)).toMatchObject({ outcome: "live" });
  }
  const collected = await davit(["gc", "-n", space.name, "-o", "json"]);
  const refused = JSON.parse(collected.stdout).refused.filter(({ ref }: { ref: string }) => ref.startsWith(`${space.name}/${app}@`));
  expect([collected.code, refused]).toEqual([0, [expect.objectContaining({ what: "image", why: "its registry deletes nothing" })]]);
  expect(await tagsOf(app)).toEqual(["1", "2"]);
  await registry.restart({ deletes: true });
}, 120_000);

test("other logins take the place of those in use, once the place takes them and nothing works with the old ones any more", async () => {
  const secretOf = async (name: string, namespace = "davit") => {
    const found = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name });
    return Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, text]) => [key, atob(text)]));
  };
  const before = await secretOf("davit-s3-external");
  const wrong = await davit(["rotate", "s3", "--s3-access-key-stdin"], { stdin: "test-3\nnobody's\n" });
  expect([wrong.code, wrong.stderr]).toEqual([29, expect.stringContaining("refuses the login")]);
  expect([(await davit(["rotate", "s3"])).code, await secretOf("davit-s3-external")]).toEqual([2, before]);

  using source = folder({ Dockerfile: `${DOCKERFILE}RUN for i in 1 2 3 4 5 6; do sleep 1; done\n`, "server.ts": server("one") });
  const args = ["--name", space.app("during"), "-n", space.name];
  const events = live(start(["push", "--path", source.path, ...args, "-o", "events"]).stdout);
  const until = async (fits: (event: PushEvent) => boolean) => {
    for (;;) {
      const { value } = await events.next();
      if (!value || fits(value)) return value;
    }
  };
  await until((event) => event.type === "phase-started" && event.phase === "stage");
  const pushed = until(({ type }) => type === "done");
  const rotate = async (part: string, flags: string[], stdin: string) => {
    const done = await davit(["rotate", part, ...flags], { stdin });
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
  };
  await rotate("s3", ["--s3-access-key-stdin"], `${NEXT_KEY.accessKey}\n${NEXT_KEY.secretKey}\n`);
  // It began with the old key, so that had to be good until its end.
  const revisions = await (await kube()).list<Revision>({ apiVersion: "davit.dev/v1alpha1", kind: "Revision", namespace: space.name });
  expect(revisions.filter(({ spec }) => spec.app === space.app("during")).map(({ status }) => status?.outcome)).toEqual(["live"]);
  expect(await pushed).toMatchObject({ type: "done", result: { outcome: "live" } });
  await rotate("registry", ["--registry-user", NEXT.user, "--registry-password-stdin"], NEXT.password);
  expect([await secretOf("davit-s3-external"), await secretOf("davit-registry-external")]).toEqual([NEXT_KEY, NEXT]);
  const { auths } = JSON.parse((await secretOf("davit-pull", space.name))[".dockerconfigjson"] ?? "");
  expect(auths).toEqual({ [registry.place.host]: { auth: btoa(`${NEXT.user}:${NEXT.password}`) } });
  source.write({ "server.ts": server("two") });
  expect(await push(source.path, args)).toMatchObject({ outcome: "live" });
}, 240_000);

/** Runs `davit migrate` and kills it at the first line that matches, if one is given; `inPause` begins when the agent goes. */
async function migrate(args: readonly string[], killAt?: RegExp, inPause?: () => void): Promise<void> {
  const running = start(["migrate", ...args]);
  const said: string[] = [];
  for await (const line of lines(running.stderr)) {
    said.push(line);
    if (line.startsWith("pausing")) inPause?.();
    if (killAt?.test(line)) running.kill("SIGKILL");
  }
  expect({ code: await running.exited, said }).toMatchObject({ code: killAt ? 137 : 0 });
}

test("sources and images move to the built-in parts and back, killed on the way, while an app answers and another is pushed", async () => {
  const app = space.app("mover");
  const args = ["--name", app, "-n", space.name];
  using source = folder(appFiles("one"));
  const images: string[] = [];
  let url = "";
  for (const text of ["one", "two"]) {
    source.write({ "server.ts": server(text) });
    const done = await push(source.path, args);
    images.push(done.image?.split("@")[1] ?? "");
    url = done.url ?? "";
  }
  const polled = poll(url, UNCHECKED);
  const slow = `${DOCKERFILE}RUN for i in 1 2 3 4 5 6 7 8; do echo "step $i"; sleep 1; done\n`;
  using other = folder({ Dockerfile: slow, "server.ts": server("other") });

  await migrate(["s3", "--built-in"], /^copying/);
  await migrate(["s3", "--built-in"], /^pausing/);
  await migrate(["s3", "--built-in"]);
  const kept = await digestsOnDisk("s3", "davit/ns");
  expect(kept.size).toBeGreaterThan(5);
  for (const [path, digest] of kept) expect([path, sha256((await s3.store.get(`ns/${path}`)) ?? "")]).toEqual([path, digest]);

  const pushing = push(other.path, ["--name", space.app("other"), "-n", space.name]);
  await migrate(["registry", "--built-in"], /^pausing/);
  await migrate(["registry", "--built-in"]);
  const during = await pushing;
  expect({ outcome: during.outcome, fault: during.fault }).toEqual({ outcome: "live", fault: undefined });
  for (const [path, digest] of await digestsOnDisk("registry", "docker/registry/v2/blobs/sha256")) expect(path).toContain(digest);
  const back = JSON.parse((await davit(["app", "rollback", app, "-n", space.name, "-o", "json"])).stdout);
  expect(back).toMatchObject({ outcome: "live", image: `${REGISTRY}/${space.name}/${app}@${images[0]}` });

  const before = await s3.store.list("ns/");
  const begun = Promise.withResolvers<Awaited<ReturnType<typeof push>>>();
  using late = folder(appFiles("late"));
  await migrate(["s3", ...s3Flags, "--delete-old"], undefined, () => begun.resolve(push(late.path, ["--name", space.app("late"), "-n", space.name])));
  const waited = await begun.promise;
  expect({ outcome: waited.outcome, fault: waited.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await s3.store.list("ns/")).not.toEqual(before);
  // Apps are not renamed by then; whether it does that or the agent, which does so when it starts, is open.
  await migrate(["registry", ...registryFlags], /^node-trust is ready$/);
  await migrate(["registry", ...registryFlags, "--delete-old"]);
  expect(await namesOf("Deployment", "apps/v1")).toEqual(["davit-agent"]);
  expect(await namesOf("PersistentVolumeClaim")).toEqual([]);
  expect(readdirSync(cluster.certsDir).filter((name) => name.includes("davit"))).toEqual([]);
  const again = JSON.parse((await davit(["app", "rollback", app, "2", "-n", space.name, "-o", "json"])).stdout);
  expect(again).toMatchObject({ outcome: "live", image: `${registry.place.host}/${PREFIX}/${space.name}/${app}@${images[1]}` });
  await polled.stop();
  expect([...new Set(polled.answers)].sort()).toEqual(["one", "two"]);
}, 600_000);
