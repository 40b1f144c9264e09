import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { untilNone } from "#shared/kube/watch";

interface Push extends KubeObject {
  metadata?: KubeObject["metadata"] & { creationTimestamp?: string };
  status?: { outcome?: string };
}

/** Resolves when every push that began before `since` has ended: those may work with what was valid then. @throws what `signal` was aborted with */
export async function pushesEnded(kube: Kube, since: string, signal: AbortSignal): Promise<void> {
  await untilNone<Push>(kube, { apiVersion: "davit.dev/v1alpha1", kind: "Revision" }, (push) => isOpen(push, since), { signal });
}

/** By the clock that pushes are dated with, which need not be that of this machine. */
export async function clusterTime(kube: Kube): Promise<string> {
  const answer = await kube.fetch("/version");
  await answer.body?.cancel();
  return new Date(answer.headers.get("date") ?? Date.now()).toISOString();
}

/** Kubernetes tells whole seconds, so a push of the same second counts as one before. */
function isOpen({ metadata, status }: Push, since: string): boolean {
  return status?.outcome === undefined && Date.parse(metadata?.creationTimestamp ?? "") <= Date.parse(since);
}
