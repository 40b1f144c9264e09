import { expect, test } from "bun:test";
import { join } from "node:path";
import type { KubeObject, V1Pod, V1Secret } from "#shared/kube/objects";
import { sha256 } from "#shared/pack";
import type { PushResult } from "#shared/push-event";
import { attack, faultOf } from "#test/hostile";
import { DOCKERFILE, type Done, davit, type Folder, folder, kube, kubectl, push, type TestTenant, tenant } from "#test/lab";
import { member } from "#test/member";

/** Tells its environment and its files, to whoever asks. */
const SERVER = `import { readdirSync } from "node:fs";
const names = (path) => { try { return readdirSync(path).filter((name) => !name.startsWith("..")).sort(); } catch { return null; } };
Bun.serve({ port: process.env.PORT, async fetch(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/") return new Response("up");
  if (pathname === "/env") return new Response(process.env[searchParams.get("name")] ?? "(none)");
  if (pathname === "/names") return Response.json(names(searchParams.get("path")));
  return new Response(Bun.file(pathname));
} });
process.on("SIGTERM", () => process.exit(0));
`;

const source = () => folder({ Dockerfile: DOCKERFILE, "server.ts": SERVER });

async function configuration(space: TestTenant, args: readonly string[], options: Parameters<typeof davit>[1] = {}): Promise<Done> {
  return await davit(["configuration", ...args, "-n", space.name], options);
}

async function must(work: Promise<Done>): Promise<Done> {
  const done = await work;
  if (done.code !== 0) throw new Error(`exit ${done.code}: ${done.stdout}${done.stderr}`);
  return done;
}

async function podsOf(space: TestTenant, app: string): Promise<string[]> {
  const pods = await (await kube()).list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: space.name }, { labels: `davit.dev/app=${app}` });
  return pods
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .map(({ metadata }) => metadata?.uid ?? "")
    .sort();
}

async function revisionsOf(space: TestTenant, app: string): Promise<number> {
  const shown = await must(davit(["app", "show", app, "-n", space.name, "-o", "json"]));
  return JSON.parse(shown.stdout).revisions.length;
}

const faultIn = ({ stdout }: Done) => JSON.parse(stdout).fault;

async function live(app: Folder, name: string, space: TestTenant, ...args: string[]): Promise<PushResult> {
  const result = await push(app.path, ["--name", name, "-n", space.name, ...args]);
  if (result.outcome !== "live") throw new Error(`not live: ${JSON.stringify(result)}`);
  return result;
}

test("values are in the app as files and variables, and what cannot be a variable is a file all the same", async () => {
  await using space = await tenant("config");
  using app = source();
  using files = folder();
  const large = crypto.getRandomValues(new Uint8Array(65_536));
  const file = join(files.path, "large.bin");
  await Bun.write(file, large);
  const values = ["HOST=mx=1, and more", "--from-file", `store.p12=${file}`, "--from-file", `BINARY=${file}`];
  await must(configuration(space, ["create", "mail-server", ...values, "--stdin", "PASSWORD"], { stdin: "from stdin\n" }));
  const name = space.app("shop");
  const { url } = await live(app, name, space, "--bind", "mail-server");
  const ask = async (path: string) => await (await fetch(`${url}${path}`)).text();

  expect(await ask("/names?path=/configurations")).toBe('["mail-server"]');
  expect(await ask("/names?path=/configurations/mail-server")).toBe('["BINARY","HOST","PASSWORD","store.p12"]');
  expect(await ask("/configurations/mail-server/HOST")).toBe("mx=1, and more");
  expect(sha256(await (await fetch(`${url}/configurations/mail-server/store.p12`)).bytes())).toBe(sha256(large));
  expect(await ask("/env?name=MAIL_SERVER_HOST")).toBe("mx=1, and more");
  expect(await ask("/env?name=MAIL_SERVER_PASSWORD")).toBe("from stdin");
  for (const variable of ["MAIL_SERVER_BINARY", "MAIL_SERVER_store.p12"]) expect(await ask(`/env?name=${variable}`)).toBe("(none)");

  await live(app, name, space, "--env", "MAIL_SERVER_HOST=its own");
  expect(await ask("/env?name=MAIL_SERVER_HOST")).toBe("its own");
  expect(await ask("/configurations/mail-server/HOST")).toBe("mx=1, and more");

  const shown = JSON.parse((await must(configuration(space, ["show", "mail-server", "--reveal", "-o", "json"]))).stdout);
  expect(shown).toMatchObject({ apps: [name], values: { PASSWORD: "from stdin", "store.p12": { base64: Buffer.from(large).toString("base64") } } });
}, 120_000);

test("update restarts the apps that have it exactly once, and nothing when nothing changes; a rollback keeps it; delete asks the apps first", async () => {
  await using space = await tenant("bound");
  using app = source();
  const [shop, cart, free] = ["shop", "cart", "free"].map(space.app) as [string, string, string];
  await must(configuration(space, ["create", "mail", "HOST=one"]));
  const urls = await Promise.all(
    [shop, cart, free].map(async (name) => (await live(app, name, space, ...(name === free ? [] : ["--bind", "mail"]))).url ?? ""),
  );
  const hosts = async () => await Promise.all(urls.map(async (url) => await (await fetch(`${url}/env?name=MAIL_HOST`)).text()));
  const state = async () =>
    await Promise.all([shop, cart, free].map(async (name) => ({ pods: await podsOf(space, name), revisions: await revisionsOf(space, name) })));
  expect(await hosts()).toEqual(["one", "one", "(none)"]);

  const before = await state();
  const updated = await must(configuration(space, ["update", "mail", "HOST=two", "USER=ann", "-o", "json"]));
  expect(JSON.parse(updated.stdout)).toMatchObject({ changed: true, restarted: [{ outcome: "live" }, { outcome: "live" }] });
  expect(await hosts()).toEqual(["two", "two", "(none)"]);
  const after = await state();
  expect(after.map(({ revisions }) => revisions)).toEqual(before.map(({ revisions }, index) => revisions + (index < 2 ? 1 : 0)));
  expect(after[2]).toEqual(before[2] as (typeof before)[0]);
  for (const index of [0, 1]) expect(after[index]?.pods).not.toEqual(before[index]?.pods ?? []);

  expect(JSON.parse((await must(configuration(space, ["update", "mail", "HOST=two", "-o", "json"]))).stdout)).toMatchObject({
    changed: false,
    restarted: [],
  });
  await must(configuration(space, ["update", "mail", "--unset", "USER", "--no-restart"]));
  expect(await state()).toEqual(after);

  const refused = await configuration(space, ["delete", "mail", "--yes", "-o", "json"]);
  expect({ code: refused.code, fault: faultIn(refused) }).toMatchObject({
    code: 3,
    fault: { code: "configuration_bound", details: { apps: [cart, shop].sort().join(", ") } },
  });
  expect(await state()).toEqual(after);

  await must(configuration(space, ["unbind", "mail", shop]));
  expect(await hosts()).toEqual(["(none)", "two", "(none)"]);
  await must(davit(["app", "rollback", shop, "1", "-n", space.name]));
  expect(await hosts()).toEqual(["two", "two", "(none)"]);
  expect(await (await fetch(`${urls[0]}/names?path=/configurations/mail`)).json()).toEqual(["HOST"]);

  await must(configuration(space, ["delete", "mail", "--unbind", "--yes"]));
  expect(await hosts()).toEqual(["(none)", "(none)", "(none)"]);
  expect(await (await fetch(`${urls[0]}/names?path=/configurations`)).json()).toBe(null);
  const gone = await configuration(space, ["bind", "mail", shop, "-o", "json"]);
  expect({ code: gone.code, fault: faultIn(gone).code }).toEqual({ code: 3, fault: "configuration_not_found" });
}, 180_000);

test("bound and deleted at the same time: whoever wins, the app serves and the two agree", async () => {
  await using space = await tenant("race");
  using app = source();
  const name = space.app("shop");
  const { url } = await live(app, name, space);
  for (const round of ["a", "b", "c"]) {
    await must(configuration(space, ["create", `race-${round}`, "KEY=value"]));
    const [bound, deleted] = await Promise.all([
      configuration(space, ["bind", `race-${round}`, name]),
      configuration(space, ["delete", `race-${round}`, "--yes"]),
    ]);
    expect([bound.code, deleted.code].sort()).toEqual([0, 3]);
    expect(await (await fetch(`${url}/names?path=/configurations/race-${round}`)).json()).toEqual(bound.code === 0 ? ["KEY"] : null);
  }
  const states = await (await kube()).list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: space.name });
  expect(states.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ status }) => status?.phase)).toEqual(["Running"]);
}, 120_000);

test("another namespace sees nothing, a viewer sees names, and values are in nothing but the Secret", async () => {
  await using space = await tenant("secret");
  await using other = await tenant("other");
  using viewer = await member(space.name, "davit-viewer");
  using stranger = await member(other.name, "davit-developer");
  using app = source();
  const secret = `s3cret-${crypto.randomUUID()}`;
  const changed = `changed-${crypto.randomUUID()}`;
  await must(configuration(space, ["create", "vault", "--stdin", "KEY"], { stdin: secret }));
  const name = space.app("shop");
  const pushed = await davit(["push", "--path", app.path, "--name", name, "-n", space.name, "--bind", "vault", "-o", "events"]);
  expect(pushed.code).toBe(0);
  const updated = await must(configuration(space, ["update", "vault", "--stdin", "KEY"], { stdin: changed }));

  const at = ["-n", space.name, "-o", "json"];
  const looks = await Promise.all([
    viewer.davit(["configuration", "list", ...at]),
    viewer.davit(["configuration", "show", "vault", ...at]),
    viewer.davit(["configuration", "show", "vault", "-n", space.name]),
  ]);
  expect(looks.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(JSON.parse(looks[0]?.stdout ?? "")).toMatchObject([{ name: "vault", keys: ["KEY"], apps: [name] }]);
  const closed = [
    [viewer, ["configuration", "show", "vault", "--reveal", ...at]],
    [viewer, ["configuration", "update", "vault", "KEY=x", ...at]],
    [viewer, ["configuration", "create", "mine", ...at]],
    [viewer, ["configuration", "delete", "vault", "--yes", "--unbind", ...at]],
    [viewer, ["configuration", "unbind", "vault", name, ...at]],
    [stranger, ["configuration", "list", ...at]],
    [stranger, ["configuration", "show", "vault", ...at]],
  ] as const;
  for (const [person, args] of closed) {
    const done = await person.davit(args);
    expect({ args, code: done.code, fault: faultIn(done).code }).toEqual({ args, code: 24, fault: "forbidden" });
  }
  expect(JSON.parse((await stranger.davit(["configuration", "list", "-n", other.name, "-o", "json"])).stdout)).toEqual([]);
  const theirs = await stranger.davit(["configuration", "show", "vault", "-n", other.name, "-o", "json"]);
  expect(faultIn(theirs).code).toBe("configuration_not_found");

  const api = await kube();
  const events = await api.json(`/api/v1/namespaces/${space.name}/events`);
  const objects = await kubectl("get", "apps.davit.dev,revisions.davit.dev,deployments,replicasets,pods", "-n", space.name, "-o", "json");
  const logs = await kubectl("logs", "-n", "davit", "-l", "app.kubernetes.io/component=agent", "--tail=-1");
  const told = [pushed, updated, ...looks].map(({ stdout, stderr }) => stdout + stderr).join("\n");
  const staging = await davit(["app", "logs", name, "-n", space.name, "--staging", "-o", "json"]);
  const haystack = [JSON.stringify(events), objects, logs, told, staging.stdout].join("\n");
  expect(haystack).toContain("vault");
  for (const value of [secret, changed]) for (const form of [value, btoa(value)]) expect(haystack).not.toContain(form);
  const secrets = await api.list<V1Secret & KubeObject>({ apiVersion: "v1", kind: "Secret", namespace: space.name });
  const holding = secrets.filter(({ data }) => Object.values(data ?? {}).includes(btoa(changed))).map(({ metadata }) => metadata?.name);
  expect(holding.sort()).toEqual(["configuration-vault", "configuration-vault.variables"]);
}, 120_000);

test("the agent itself refuses what no command line would send, and goes on serving", async () => {
  await attack("values", async ({ client, raw }, { name: namespace }) => {
    const path = `/v1/namespaces/${namespace}/configurations`;
    const put = async (name: string, body: unknown) =>
      await raw("PUT", `${path}/${name}`, { body: typeof body === "string" ? body : JSON.stringify(body) });
    const wrong: [string, unknown][] = [
      ["UPPER", { create: true, values: {} }],
      ["..%2Fdavit-pull", { create: true, values: {} }],
      ["mail", "no JSON"],
      ["mail", { values: {} }],
      ["mail", { create: true, values: { K: "not base64!" } }],
      ["mail", { create: true, values: { K: 1 } }],
      ["mail", { create: true, values: { "../K": "" } }],
      ["mail", { create: true, values: { "..data": "" } }],
    ];
    for (const [name, body] of wrong) expect({ name, body, status: (await put(name, body)).status }).toEqual({ name, body, status: 400 });
    const large = Buffer.alloc(1024 * 1024 + 1).toString("base64");
    expect((await put("mail", { create: true, values: { K: large } })).status).toBe(413);
    expect(
      (await put("mail", { create: true, values: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`K${index}`, ""])) })).status,
    ).toBe(413);
    expect(await client.listConfigurations({ namespace })).toEqual([]);
    // The pull secret is a Secret of the namespace too, and no configuration.
    expect((await faultOf(client.showConfiguration({ namespace, configuration: "davit-pull", query: { values: "true" } }))).code).toBe(
      "configuration_not_found",
    );
  });
}, 60_000);
