import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, run } from "./exec.ts";
import type { Layout, Node } from "./layout.ts";

/** The cluster's API server, asked as its administrator. */
async function get(layout: Layout, path: string): Promise<Response> {
  const pem = (file: string): string => readFileSync(join(layout.pki, file), "utf8");
  return fetch(`https://${layout.net.node}:6443${path}`, {
    signal: AbortSignal.timeout(3000),
    tls: { ca: pem("ca.crt"), cert: pem("admin.crt"), key: pem("admin.key") },
  });
}

export async function getJson(layout: Layout, path: string): Promise<Record<string, unknown> | undefined> {
  const response = await get(layout, path);
  return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined;
}

export const isReady = async (layout: Layout): Promise<boolean> =>
  get(layout, "/readyz").then(
    (response) => response.ok,
    () => false,
  );

type Pods = { items?: { metadata: { namespace: string; name: string }; status?: { conditions?: { type: string; status: string }[] } }[] };

/**
 * Whether every Pod that is said to be ready has containers that run, as the kubelet sees them. After everything was killed
 * the objects in the database still say what was true before.
 */
export async function podsRun(layout: Layout, nodes: readonly Node[]): Promise<boolean> {
  const said = (await getJson(layout, "/api/v1/pods")) as Pods | undefined;
  const seen = (await Promise.all(nodes.map(({ name }) => getJson(layout, `/api/v1/nodes/${name}/proxy/runningpods/`)))) as (Pods | undefined)[];
  if (!said || !seen.every(Boolean)) return false;
  const running = new Set(seen.flatMap((pods) => pods?.items ?? []).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const ready = said.items?.filter(({ status }) => status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True")) ?? [];
  return ready.every(({ metadata }) => running.has(`${metadata.namespace}/${metadata.name}`));
}

/** Runs the cluster's own kubectl as its administrator. */
export const kubectl = (layout: Layout, ...args: string[]): string[] => [join(layout.bin, "kubectl"), `--kubeconfig=${layout.kubeconfig}`, ...args];

export async function apply(layout: Layout, yaml: string): Promise<void> {
  const flags = ["--server-side", "--force-conflicts", "--field-manager=davit-cluster"];
  await run(kubectl(layout, "apply", ...flags, "-f", "-"), { stdin: yaml });
}

export const ctr = (layout: Layout, node: Node, ...args: string[]): string[] => [
  join(layout.bin, "ctr"),
  "-a",
  node.containerdSocket,
  "-n",
  "k8s.io",
  ...args,
];

export const containerdAnswers = async (layout: Layout, node: Node): Promise<boolean> => (await attempt(ctr(layout, node, "version"))).code === 0;
