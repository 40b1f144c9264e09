import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { V1DaemonSet, V1Deployment, V1Namespace } from "#shared/kube/objects";
import { appFiles, davit, folder, kube, push, tenant } from "#test/lab";

/** The flags with which davit is installed here, read off what runs. */
async function installedWith(): Promise<{ flags: string[]; certsDirs: string[] }> {
  const cluster = await kube();
  const agent = await cluster.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "davit-agent" });
  const trust = await cluster.get<V1DaemonSet>({ apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node", name: "davit-node-trust" });
  const image = async (name: string, container: string) => {
    const found = await cluster.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name });
    return found?.spec?.template.spec?.containers.find((candidate) => candidate.name === container)?.image ?? "";
  };
  const env = Object.fromEntries((agent?.spec?.template.spec?.containers[0]?.env ?? []).map(({ name, value }) => [name, value ?? ""]));
  const certsDirs = (trust?.spec?.template.spec?.containers[0]?.env?.find(({ name }) => name === "DAVIT_CERTS_DIRS")?.value ?? "").split(":");
  const values: Record<string, string> = {
    "--domain": env["DAVIT_DOMAIN"] ?? "",
    "--agent-image": env["DAVIT_AGENT_IMAGE"] ?? "",
    "--kaniko-image": env["DAVIT_KANIKO_IMAGE"] ?? "",
    "--s3-image": await image("s3", "s3"),
    "--registry-image": await image("registry", "distribution"),
    "--registry-mirror": env["DAVIT_REGISTRY_MIRRORS"] ?? "",
  };
  const flags = Object.entries(values).flatMap(([flag, value]) => (value === "" ? [] : [flag, value]));
  return { certsDirs, flags: [...flags, ...certsDirs.flatMap((dir) => ["--certs-dir", dir])] };
}

async function davitNamespaces(): Promise<string[]> {
  const all = await (await kube()).list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" });
  return all.flatMap(({ metadata }) => (/^davit(-|$)/.test(metadata?.name ?? "") ? [metadata?.name ?? ""] : []));
}

test("installed again nothing changes; uninstalled nothing of davit is left, and apps run on; installed again apps are there and pushes work", async () => {
  const { flags, certsDirs } = await installedWith();
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
  for (const folder of certsDirs) expect(readdirSync(folder).filter((name) => name.includes("davit"))).toEqual([]);
  expect(await (await fetch(pushed.url ?? "")).text()).toBe("still here");
  expect((await davit(["status"])).code).toBe(28);
  const lost = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect(lost).toMatchObject({ outcome: "failed", exit: 28 });

  const back = await davit(["install", ...flags, "--yes"]);
  expect({ code: back.code, stderr: back.stderr }).toMatchObject({ code: 0 });
  app.write(appFiles("still here, and newer"));
  const next = await push(app.path, ["--name", space.app("stay"), "-n", space.name]);
  expect({ outcome: next.outcome, fault: next.fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await (await fetch(next.url ?? "")).text()).toBe("still here, and newer");
}, 300_000);
