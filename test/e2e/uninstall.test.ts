import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { V1Namespace, V1Secret } from "#shared/kube/objects";
import { installedWith } from "#test/installed-with";
import { appFiles, davit, folder, kube, push, tenant } from "#test/lab";

async function davitNamespaces(): Promise<string[]> {
  const all = await (await kube()).list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" });
  return all.flatMap(({ metadata }) => (/^davit(-|$)/.test(metadata?.name ?? "") ? [metadata?.name ?? ""] : []));
}

test("installed again nothing changes; uninstalled nothing of davit is left, and apps run on; installed again apps are there and pushes work", async () => {
  const { flags, certsDirs: folders } = await installedWith();
  const ca = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-ca" });
  const before = folders.map((folder) => readdirSync(folder).filter((name) => !name.includes("davit")));
  // Whatever the tests before this one have left.
  expect((await davit(["install", ...flags, "--yes"])).code).toBe(0);
  const again = await davit(["install", ...flags, "--yes", "-o", "json"]);
  expect({ code: again.code, ...JSON.parse(again.stdout) }).toMatchObject({ code: 0, outcome: "unchanged", objects: { created: 0, changed: 0 } });

  await using space = await tenant("stay");
  using app = folder(appFiles("still here"));
  const pushed = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect(pushed.outcome).toBe("live");

  const refused = await davit(["uninstall"]);
  expect(refused.code).toBe(4);
  const gone = await davit(["uninstall", "--yes"]);
  expect({ code: gone.code, stderr: gone.stderr }).toMatchObject({ code: 0 });
  expect(await davitNamespaces()).toEqual([]);
  expect(folders.map((folder) => readdirSync(folder))).toEqual(before);
  expect(await (await fetch(pushed.url ?? "")).text()).toBe("still here");
  expect((await davit(["status"])).code).toBe(28);
  const lost = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect(lost).toMatchObject({ outcome: "failed", exit: 28 });

  // With the CA from before: this process, and every test after this one, trusts no other.
  await (await kube()).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "davit" } });
  await (await kube()).create({ ...ca, metadata: { name: "davit-ca", namespace: "davit" } } as V1Secret);
  const back = await davit(["install", ...flags, "--yes"]);
  expect({ code: back.code, stderr: back.stderr }).toMatchObject({ code: 0 });
  app.write(appFiles("still here, and newer"));
  const next = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect({ outcome: next.outcome, fault: next.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await (await fetch(next.url ?? "")).text()).toBe("still here, and newer");
}, 300_000);
