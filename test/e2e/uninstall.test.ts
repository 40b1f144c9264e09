import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { REGISTRY } from "#cli/install/components";
import type { V1Namespace, V1Secret } from "#shared/kube/objects";
import { installedWith } from "#test/installed-with";
import { appFiles, davit, folder, kube, kubectl, push, tenant } from "#test/lab";
import { onLab } from "#test/lab-test";
import { nodes } from "#test/nodes";

/** Below a node's certs.d. */
const DAVITS_FILES = ["davit-ca.crt", "hosts.toml"].map((name) => `${REGISTRY}/${name}`);
const ADMINS_FOLDER = "mirror.example.com";
const ADMINS_FILES = [`${ADMINS_FOLDER}/hosts.toml`, `${REGISTRY}/ca.crt`];
const resources = new AsyncDisposableStack();
let certsDirs: string[] = [];

beforeAll(async () => {
  certsDirs = await twoNodes();
  for (const certsDir of certsDirs) await writeAdminsFiles(certsDir);
}, 180_000);
afterAll(() => resources.disposeAsync(), 60_000);

async function davitNamespaces(): Promise<string[]> {
  const all = await (await kube()).list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" });
  return all.flatMap(({ metadata }) => (/^davit(-|$)/.test(metadata?.name ?? "") ? [metadata?.name ?? ""] : []));
}

/** certs.d of each of two nodes. The second runs only what runs on every node: a volume there would go with it. */
async function twoNodes(): Promise<string[]> {
  if (!onLab) return [];
  resources.defer(async () => void (await nodes(1)));
  const both = await nodes(2);
  await kubectl("cordon", both[1]?.name ?? "");
  return both.map(({ certsDir }) => certsDir);
}

/** What somebody else has put beside what is davit's. */
async function writeAdminsFiles(certsDir: string): Promise<void> {
  resources.defer(() => {
    rmSync(join(certsDir, ADMINS_FOLDER), { recursive: true, force: true });
    rmSync(join(certsDir, REGISTRY, "ca.crt"), { force: true });
  });
  for (const path of ADMINS_FILES) await Bun.write(join(certsDir, path), "# the admin's");
}

/** Of every file below the folder, path and text. */
function filesIn(folder: string): [path: string, text: string][] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return paths.map((path) => [relative(folder, path), readFileSync(path, "utf8")]);
}

test("installed again nothing changes; uninstalled nothing of davit is left, on no node either, and apps run on; installed again apps are there and pushes work", async () => {
  const { flags } = await installedWith();
  const ca = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-ca" });
  // Whatever the tests before this one have left.
  expect((await davit(["install", ...flags, "--yes"])).code).toBe(0);
  const again = await davit(["install", ...flags, "--yes", "-o", "json"]);
  expect({ code: again.code, ...JSON.parse(again.stdout) }).toMatchObject({ code: 0, outcome: "unchanged", objects: { created: 0, changed: 0 } });
  const paths = certsDirs.map((certsDir) => filesIn(certsDir).map(([path]) => path));
  expect(paths).toEqual(certsDirs.map(() => expect.arrayContaining([...DAVITS_FILES, ...ADMINS_FILES])));
  const foreign = certsDirs.map((certsDir) => filesIn(certsDir).filter(([path]) => !DAVITS_FILES.includes(path)));

  await using space = await tenant("stay");
  using app = folder(appFiles("still here"));
  const pushed = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect(pushed.outcome).toBe("live");

  const refused = await davit(["uninstall"]);
  expect(refused.code).toBe(4);
  const gone = await davit(["uninstall", "--yes"]);
  expect({ code: gone.code, stderr: gone.stderr }).toMatchObject({ code: 0 });
  expect(await davitNamespaces()).toEqual([]);
  expect(certsDirs.map(filesIn)).toEqual(foreign);
  expect(await (await fetch(pushed.url ?? "")).text()).toBe("still here");
  expect((await davit(["status"])).code).toBe(28);
  const lost = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect(lost).toMatchObject({ outcome: "failed", exit: 28 });

  // With the CA from before: this process, and every test after this one, trusts no other.
  await (await kube()).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "davit" } });
  await (await kube()).create({ ...ca, metadata: { name: "davit-ca", namespace: "davit" } } as V1Secret);
  const back = await davit(["install", ...flags, "--yes"]);
  expect({ code: back.code, stderr: back.stderr }).toMatchObject({ code: 0 });
  expect(certsDirs.map((certsDir) => filesIn(certsDir).map(([path]) => path))).toEqual(paths);
  app.write(appFiles("still here, and newer"));
  const next = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect({ outcome: next.outcome, fault: next.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await (await fetch(next.url ?? "")).text()).toBe("still here, and newer");
}, 300_000);
