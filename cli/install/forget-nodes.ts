import type { Kube } from "#shared/kube/client";
import type { V1DaemonSet, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { waitFor } from "#shared/kube/watch";
import { componentRef } from "./components.ts";
import { readiness } from "./explain.ts";
import { envOf } from "./options.ts";

/** How long nodes that are there need at most; one that is not must not hold everything up. */
const CLEANUP_MS = 60_000;

/**
 * Runs the node-trust DaemonSet once more, to clear what it wrote, and waits until it is ready (that is: done) on every node.
 * Gives what could not be undone, with how to do it by hand.
 */
export async function forgetNodes(kube: Kube, options: { signal: AbortSignal; tell: (line: string) => void }): Promise<string | undefined> {
  const ref = componentRef("node-trust");
  const daemonSet = await kube.get<V1DaemonSet>(ref);
  if (!daemonSet) return undefined;
  options.tell("clearing the nodes' trust in the registry");
  const args = { op: "add", path: "/spec/template/spec/containers/0/args", value: ["agent", "trust-nodes", "--remove"] };
  await kube.json(pathOf(ref), { method: "PATCH", contentType: "application/json-patch+json", body: [args] });
  const limit = AbortSignal.any([options.signal, AbortSignal.timeout(CLEANUP_MS)]);
  try {
    await waitFor(kube, ref, (object) => (object === undefined || readiness(object).done ? true : undefined), limit);
    return undefined;
  } catch (error) {
    if (!limit.aborted || options.signal.aborted) throw error;
    const folders = (envOf(daemonSet).DAVIT_CERTS_DIRS ?? "").split(":").map((folder) => `${folder}/${envOf(daemonSet).DAVIT_REGISTRY}`);
    return `these nodes could not be reached; remove ${folders.join(" and ")} there by hand: ${(await unreadyNodes(kube)).join(", ")}`;
  }
}

async function unreadyNodes(kube: Kube): Promise<string[]> {
  const pods = await kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: "davit-node" });
  const ready = (pod: V1Pod) => pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
  return pods.filter((pod) => !ready(pod)).map((pod) => pod.spec?.nodeName ?? "a node without a Pod");
}
