import { afterAll, beforeAll, expect, test } from "bun:test";
import type { V1Secret, V1Service } from "#shared/kube/objects";
import { appFiles, davit, type Folder, folder, kube, push, server, type TestTenant, tenant } from "#test/lab";
import { type Load, load } from "#test/load";
import { door } from "#test/member";
import { RegistryUser } from "#test/registry-user";

/* Rotations while pushes, pulls and requests go on: none of them may fail. */

const api = await kube();
let space: TestTenant;
let source: Folder;
let image = "";
const loads: Record<string, Load> = {};

/** What a node does, with the namespace's pull secret as it is now. */
async function pull(): Promise<void> {
  const secret = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" });
  const [entry] = Object.values<{ auth: string }>(JSON.parse(atob(secret?.data?.[".dockerconfigjson"] ?? "")).auths);
  const password = atob(entry?.auth ?? "").split(":")[1] ?? "";
  const service = await api.get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" });
  const user = new RegistryUser(`https://${service?.spec?.clusterIP}:5000`, (await door()).ca, password);
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
  space = await tenant("rotate");
  source = folder(appFiles("version 0"));
  const name = space.app("steady");
  const first = await push(source.path, ["--name", name, "-n", space.name]);
  expect([first.outcome, first.stderr]).toEqual(["live", expect.any(String)]);
  image = first.image ?? "";
  loads["pushes"] = load(0, async (turn) => {
    source.write({ "server.ts": server(`version ${turn}`) });
    const pushed = await push(source.path, ["--name", name, "-n", space.name]);
    if (pushed.outcome !== "live") throw new Error(`push ${turn}: ${pushed.outcome} ${pushed.stderr}`);
    image = pushed.image ?? "";
  });
  loads["pulls"] = load(200, pull);
  loads["requests"] = load(100, async () => {
    const answer = await fetch(first.url ?? "", { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok || !(await answer.text()).startsWith("version ")) throw new Error(`status ${answer.status}`);
  });
}, 120_000);

afterAll(async () => {
  await Promise.all(Object.values(loads).map((one) => one[Symbol.asyncDispose]()));
  source[Symbol.dispose]();
  await space[Symbol.asyncDispose]();
}, 60_000);

/** Runs the rotation under the load, with some of it before and after. */
async function rotate(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const done = await davit(["rotate", ...args, "--grace", "5s", "-o", "json"]);
  expect([done.code, done.stderr]).toEqual([0, expect.any(String)]);
  await loads["pushes"]?.more(1);
  const failures = Object.entries(loads).map(([what, { failures }]) => [what, failures] as const);
  expect(failures).toEqual(Object.keys(loads).map((what) => [what, []] as const));
  return done;
}

test("the signing key, and with it every pull secret", async () => {
  const before = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" });
  const { stdout } = await rotate("signing-key");
  const result = JSON.parse(stdout);
  const after = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: space.name, name: "davit-pull" });
  expect(after?.metadata?.annotations?.["davit.dev/shared-version"]).toBe(result.kid);
  expect(after?.metadata?.uid).toBe(before?.metadata?.uid ?? "");
  const key = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-registry-key" });
  expect(Object.keys(key?.data ?? {}).sort()).toEqual(["httpSecret", "private.jwk.json"]);
}, 400_000);
