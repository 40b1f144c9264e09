import { afterAll, beforeAll, expect, test } from "bun:test";
import { ConfigurationKey } from "#shared/app";
import { Fault, toFault } from "#shared/fault";
import { Kube } from "#shared/kube/client";
import type { KubeObject, V1Secret } from "#shared/kube/objects";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import crds from "../manifests/crds.yaml" with { type: "text" };
import { patchRevision } from "./apps.ts";
import {
  boundApps,
  claimConfigurations,
  createConfiguration,
  deleteConfiguration,
  listConfigurations,
  showConfiguration,
  updateConfiguration,
} from "./configurations.ts";
import { type App, DAVIT_API, type Revision } from "./objects/types.ts";

/** A real API server; each test uses configurations of its own names. */
let plane: ControlPlane;
let kube: Kube;
const namespace = "default";

beforeAll(async () => {
  plane = await startControlPlane();
  kube = plane.admin;
  for (const crd of Bun.YAML.parse(String(crds)) as KubeObject[]) await kube.apply(crd);
  await untilServed("apps");
  await untilServed("revisions");
}, 90_000);
afterAll(async () => await plane[Symbol.asyncDispose]());

async function untilServed(plural: string): Promise<void> {
  while (!(await kube.fetch(`/apis/${DAVIT_API}/${plural}`)).ok) await Bun.sleep(20);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const settings = (configurations: string[]) => ({ routes: [], instances: 1, stopped: false, port: 8080, configurations });

function revision(app: string, number: number, configurations: string[]): Revision {
  return {
    apiVersion: DAVIT_API,
    kind: "Revision",
    metadata: { name: `${app}-${number}`, namespace },
    spec: {
      app,
      number,
      source: { kind: "image", image: "nginx" },
      pods: number,
      settings: settings(configurations),
      envSecret: `${app}-${number}-env`,
      buildArgs: {},
      rebuild: false,
      createdBy: "ann",
      timeoutSeconds: 60,
    },
  };
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const answer = await work.then(
    (value) => ({ value }),
    (error) => toFault(error),
  );
  if (answer instanceof Fault) return answer;
  throw new Error(`no fault: ${JSON.stringify(answer.value)}`);
}

async function dataOf(name: string): Promise<Record<string, string>> {
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name });
  return Object.fromEntries(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}

test("what was made is there, and a second one of the name is refused, but not the same request again", async () => {
  const id = crypto.randomUUID();
  await createConfiguration(kube, namespace, "mail", { HOST: base64("mx"), "ca.crt": base64("pem") }, id);
  await createConfiguration(kube, namespace, "mail", { HOST: base64("mx") }, id);
  expect(await showConfiguration(kube, namespace, "mail")).toMatchObject({ name: "mail", keys: ["HOST", "ca.crt"], apps: [] });
  const again = await faultOf(createConfiguration(kube, namespace, "mail", { HOST: base64("mx") }, crypto.randomUUID()));
  expect(again.toWire()).toMatchObject({ code: "configuration_exists", details: { configuration: "mail" } });
  expect((await listConfigurations(kube, namespace)).map(({ name }) => name)).toEqual(["mail"]);
});

test("a Secret that davit did not make is not taken for a configuration", async () => {
  await kube.create({ apiVersion: "v1", kind: "Secret", metadata: { name: "configuration-alien", namespace }, data: { A: base64("1") } } as V1Secret);
  const found = await faultOf(createConfiguration(kube, namespace, "alien", {}));
  expect(found.message).toContain("which davit did not make");
  expect((await faultOf(updateConfiguration(kube, namespace, "alien", { A: null }))).code).toBe("configuration_not_found");
  expect((await faultOf(deleteConfiguration(kube, namespace, "alien"))).code).toBe("configuration_not_found");
  expect(await dataOf("configuration-alien")).toEqual({ A: "1" });
});

test("an update sets and takes away what it names, and knows when nothing changes", async () => {
  await createConfiguration(kube, namespace, "db", { HOST: base64("one"), USER: base64("ann"), OLD: base64("x") });
  expect(await updateConfiguration(kube, namespace, "db", { HOST: base64("two"), OLD: null, NEVER: null })).toBe(true);
  expect(await dataOf("configuration-db")).toEqual({ HOST: "two", USER: "ann" });
  expect(await updateConfiguration(kube, namespace, "db", { HOST: base64("two"), OLD: null })).toBe(false);
  // The answer to a change was lost: the same request again is told that it changed something.
  const id = crypto.randomUUID();
  expect(await updateConfiguration(kube, namespace, "db", { HOST: base64("three") }, id)).toBe(true);
  expect(await updateConfiguration(kube, namespace, "db", { HOST: base64("three") }, id)).toBe(true);
  expect(await updateConfiguration(kube, namespace, "db", { HOST: base64("three") }, crypto.randomUUID())).toBe(false);
  expect((await faultOf(updateConfiguration(kube, namespace, "nobody", {}))).code).toBe("configuration_not_found");
});

test("many who change different values at once all succeed, and the variables are those of the last", async () => {
  await createConfiguration(kube, namespace, "busy", {});
  const keys = Array.from({ length: 12 }, (_, index) => `K${index}`);
  await Promise.all(keys.map((key) => updateConfiguration(kube, namespace, "busy", { [key]: base64(key) })));
  const all = Object.fromEntries(keys.map((key) => [key, key]));
  expect(await dataOf("configuration-busy")).toEqual(all);
  expect(await dataOf("configuration-busy.variables")).toEqual(all);
});

test("only what can be a variable is offered as one", async () => {
  const values = { HOST: "mx", "ca.crt": "pem", "2FA": "yes", EMPTY: "", LINES: "a\nb", "with-dash": "x", LONG: "x".repeat(33_000), NUL: "a\0b" };
  const encoded = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, base64(value)]));
  await createConfiguration(kube, namespace, "kinds", { ...encoded, BINARY: Buffer.from([0xff, 0xfe]).toString("base64") });
  expect(await dataOf("configuration-kinds.variables")).toEqual({ HOST: "mx", "2FA": "yes", EMPTY: "", LINES: "a\nb" });
  await updateConfiguration(kube, namespace, "kinds", { HOST: null, "2FA": Buffer.from([0xff]).toString("base64") });
  expect(await dataOf("configuration-kinds.variables")).toEqual({ EMPTY: "", LINES: "a\nb" });
});

test("what is too large is refused in words, and as large as allowed is taken", async () => {
  const large = Buffer.alloc(1024 * 1024 - 4, 1).toString("base64");
  await createConfiguration(kube, namespace, "large", { FILE: large });
  const over = await faultOf(updateConfiguration(kube, namespace, "large", { MORE: base64("12345") }));
  expect(over.toWire()).toMatchObject({
    code: "configuration_too_large",
    message: "the configuration 'large' would hold 1048577 bytes; at most 1048576 fit",
  });
  expect(await updateConfiguration(kube, namespace, "large", { MORE: base64("1234") })).toBe(true);
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`K${index}`, ""]));
  expect((await faultOf(createConfiguration(kube, namespace, "many", many))).code).toBe("configuration_too_large");
});

test("a key may be what Kubernetes takes for a file's name", async () => {
  const good = ["HOST", "ca.crt", ".hidden", "a-b_c.d", "1", "a".repeat(253)];
  const bad = ["", ".", "..", "..data", "a/b", "a b", "ä", "a".repeat(254), "a\n", "__proto__"];
  expect(good.filter((key) => !ConfigurationKey.safeParse(key).success)).toEqual([]);
  expect(bad.filter((key) => ConfigurationKey.safeParse(key).success)).toEqual([]);
  await createConfiguration(kube, namespace, "keys", Object.fromEntries(good.map((key) => [key, ""])));
  expect((await showConfiguration(kube, namespace, "keys")).keys).toEqual([...good].sort());
});

test("bound are the apps that serve with it and those whose push is under way", () => {
  const app = (name: string, configurations: string[], status?: App["status"]): App => ({
    apiVersion: DAVIT_API,
    kind: "App",
    metadata: { name, namespace },
    spec: settings(configurations),
    ...(status ? { status } : {}),
  });
  const apps = [
    app("serves", ["a", "b"], { revision: 1 }),
    app("other", ["b"], { revision: 1 }),
    app("never-live", ["a"]),
    app("moves", [], { revision: 1 }),
  ];
  const ended = { ...revision("other", 1, ["a"]), status: { outcome: "live" as const } };
  const revisions = [revision("moves", 2, ["a"]), revision("serves", 2, ["a"]), ended];
  expect(boundApps("a", apps, revisions)).toEqual(["moves", "serves"]);
  expect(boundApps("b", apps, revisions)).toEqual(["other", "serves"]);
  expect(boundApps("c", apps, revisions)).toEqual([]);
});

test("one that is bound is not deleted, and the fault names who has it; then it goes with its variables", async () => {
  await createConfiguration(kube, namespace, "held", { A: base64("1") });
  const pushed = (await kube.create(revision("holder", 1, ["held"]))) as Revision;
  const fault = await faultOf(deleteConfiguration(kube, namespace, "held"));
  expect(fault.toWire()).toEqual({
    code: "configuration_bound",
    message: "the configuration 'held' is bound to 'holder'",
    details: { configuration: "held", namespace, apps: "holder" },
  });
  await patchRevision(kube, pushed, { outcome: "failed" });
  await deleteConfiguration(kube, namespace, "held");
  expect(await listConfigurations(kube, namespace).then((all) => all.map(({ name }) => name))).not.toContain("held");
  expect((await faultOf(deleteConfiguration(kube, namespace, "held"))).code).toBe("configuration_not_found");
  const variables = { apiVersion: "v1", kind: "Secret", namespace, name: "configuration-held.variables" };
  while (await kube.get(variables)) await Bun.sleep(20);
});

type Moment = "after the revisions were listed" | "before the variables are written";

/** The API server, with somebody else's `work` done in it at a bad moment, once. */
class Interrupted extends Kube {
  readonly #moment: Moment;
  #work: (() => Promise<unknown>) | undefined;

  constructor(kube: Kube, moment: Moment, work: () => Promise<unknown>) {
    super({ server: "", tls: {}, headers: async () => ({}) });
    this.fetch = kube.fetch.bind(kube);
    this.#moment = moment;
    this.#work = work;
  }

  override async list<T extends KubeObject>(...args: Parameters<Kube["list"]>): Promise<T[]> {
    const found = await super.list<T>(...args);
    if (args[0].kind === "Revision") await this.#at("after the revisions were listed");
    return found;
  }

  override async apply<T extends KubeObject>(object: T): Promise<T> {
    await this.#at("before the variables are written");
    return await super.apply(object);
  }

  async #at(moment: Moment): Promise<void> {
    if (moment !== this.#moment) return;
    const work = this.#work;
    this.#work = undefined;
    await work?.();
  }
}

test("who comes late with variables does not put back old ones", async () => {
  await createConfiguration(kube, namespace, "late-hand", { A: base64("1") });
  const quicker = () => updateConfiguration(kube, namespace, "late-hand", { B: base64("quick") });
  await updateConfiguration(new Interrupted(kube, "before the variables are written", quicker), namespace, "late-hand", { A: base64("slow") });
  expect(await dataOf("configuration-late-hand.variables")).toEqual({ A: "slow", B: "quick" });
});

test("a push that binds it while it is being deleted wins: the deletion sees it after all", async () => {
  await createConfiguration(kube, namespace, "race", { A: base64("1") });
  const claim = async () => await claimConfigurations(kube, (await kube.create(revision("racer", 1, ["race"]))) as Revision);
  const fault = await faultOf(deleteConfiguration(new Interrupted(kube, "after the revisions were listed", claim), namespace, "race"));
  expect(fault.toWire()).toMatchObject({ code: "configuration_bound", details: { apps: "racer" } });
  expect(await dataOf("configuration-race")).toEqual({ A: "1" });
});

test("a push that comes to claim it after the deletion fails before it changes anything", async () => {
  await createConfiguration(kube, namespace, "late", { A: base64("1") });
  const late = (await kube.create(revision("late", 1, []))) as Revision;
  // Its revision came to be after the revisions were read; it gets to its claim when the Secret is gone.
  await deleteConfiguration(kube, namespace, "late");
  const fault = await faultOf(claimConfigurations(kube, { ...late, spec: { ...late.spec, settings: settings(["late"]) } }));
  expect(fault.code).toBe("configuration_not_found");
});
