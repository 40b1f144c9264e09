import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Role, rightsOf } from "#cli/doctor/rights";
import { manifest } from "#cli/install/manifests";
import type { V1Namespace, V1NetworkPolicy } from "#shared/kube/objects";
import { startControlPlane } from "#test/control-plane";
import { type End, judge, type PodEnd, READINGS } from "#test/network/policy";
import { installedPolicies } from "#test/pod-templates";
import { temporaryFolder } from "#test/temporary";
import { layoutOf } from "../../scripts/cluster/layout.ts";

/* What docs/security.md says is what manifests/ does. */

const page = readFileSync(join(import.meta.dir, "../../docs/security.md"), "utf8");

/** The rows of the table below a heading, without what makes a word stand out. */
function table(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

test("the agent's rights are those of its roles, one for one", () => {
  const where: Record<string, string> = { "ClusterRole davit-agent": "cluster", "ClusterRole davit-tenant": "tenants" };
  const roles = [...manifest("rbac"), ...manifest("certManager")].filter(
    ({ kind, metadata }) => /Role$/.test(kind ?? "") && /^davit-(agent|agent-certificates|tenant)$/.test(metadata?.name ?? ""),
  ) as Role[];
  const rights = roles.flatMap(rightsOf);
  const given = rights.map(({ role, verb, group, resource }) =>
    [where[role] ?? role.split(/[ /]/)[1], group ? `${resource}.${group}` : resource, verb].join(" "),
  );
  const told = table("The agent's rights").flatMap(([place, what, verbs = ""]) => verbs.split(", ").map((verb) => [place, what, verb].join(" ")));
  // A right to some objects by name is one line.
  expect(told.sort()).toEqual([...new Set(given)].sort());
});

test("each namespace is under the level of Pod Security that the page tells", () => {
  const own = (manifest("namespaces") as V1Namespace[]).filter(({ metadata }) => metadata?.name?.startsWith("davit"));
  const levels = own.map(({ metadata }) => [metadata?.name ?? "", metadata?.labels?.["pod-security.kubernetes.io/enforce"] ?? ""]);
  expect(table("Pods").map((row) => row.slice(0, 2))).toEqual(levels);
});

test("the policy that the page offers lets builds reach what it names, and nothing more", () => {
  const [, yaml = ""] = /^```yaml\n(.*?)^```/ms.exec(page) ?? [];
  const policies = [...installedPolicies(["10.1.0.0/16"]), Bun.YAML.parse(yaml) as V1NetworkPolicy];
  const pod = (namespace: string, address: string, labels: Record<string, string>): PodEnd => {
    return { kind: "pod", namespace, address, labels, ports: [], namespaceLabels: { "kubernetes.io/metadata.name": namespace } };
  };
  const build = pod("davit-staging", "10.1.0.1", { "app.kubernetes.io/component": "staging" });
  const fetching = pod("davit-staging", "10.1.0.2", { "app.kubernetes.io/component": "fetch" });
  const mirror = pod("packages", "10.1.0.3", {});
  const app = pod("team-a", "10.1.0.4", {});
  const reached = (source: End, destination: End, port: number) =>
    Object.values(READINGS).map((reading) => judge(policies, { source, destination, protocol: "TCP", port }, reading).allowed);
  expect(reached(build, mirror, 4873)).toEqual([true, true]);
  expect([...reached(build, mirror, 22), ...reached(build, app, 4873), ...reached(mirror, build, 4873)]).toEqual(Array(6).fill(false));
  // A fetch's ranges are any address; the policy is not about it.
  expect(reached(fetching, mirror, 4873)).toEqual([true, false]);
});

test("the page's commands for kubectl do what it says of them", async () => {
  await using plane = await startControlPlane();
  await using cache = await temporaryFolder();
  await plane.admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "team-a" } });
  // kubectl asks whether it knows a kind before it asks who may do what with it.
  for (const kind of manifest("crds")) await plane.admin.apply(kind);
  for (const role of manifest("rbac").filter(({ kind }) => kind === "ClusterRole")) await plane.admin.apply(role);
  const kubectl = async (words: string[]) => {
    const env = { KUBECONFIG: plane.kubeconfig, HOME: cache.path };
    const child = Bun.spawn([join(layoutOf(process.env).bin, "kubectl"), ...words], { env, stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { code, out: out.trim(), err };
  };
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = ""]) => block.split("\n"));
  const lines = blocks.filter((line) => line.startsWith("kubectl "));
  expect(lines.length).toBe(4);
  for (const line of lines) {
    const [command = "", says] = line.split(/\s+# /);
    // The API server acts on a new binding only a moment after it was made.
    const signal = AbortSignal.timeout(30_000);
    let done = await kubectl(command.split(" ").slice(1));
    while (says !== undefined && done.out !== says && !signal.aborted) done = await kubectl(command.split(" ").slice(1));
    if (says === undefined) expect(done).toMatchObject({ code: 0 });
    else expect([line, done.out]).toEqual([line, says]);
  }
}, 60_000);
