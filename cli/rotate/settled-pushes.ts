import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";

interface Push extends KubeObject {
  metadata?: KubeObject["metadata"] & { creationTimestamp?: string };
  status?: { outcome?: string };
}

/** Resolves when every push that began before `since` has ended: those may work with what was valid then. @throws what `signal` was aborted with */
export async function pushesEnded(kube: Kube, since: string, signal: AbortSignal): Promise<void> {
  const open = new Set<string>();
  const done = new AbortController();
  let listed = false;
  const either = AbortSignal.any([signal, done.signal]);
  for await (const event of watch<Push>(kube, { apiVersion: "davit.dev/v1alpha1", kind: "Revision" }, { signal: either })) {
    if (event.type === "synced") listed = true;
    else if (event.type === "set" && isOpen(event.object, since)) open.add(nameOf(event.object));
    else open.delete(nameOf(event.object));
    if (listed && open.size === 0) done.abort();
  }
  signal.throwIfAborted();
}

/** Kubernetes tells whole seconds, so a push of the same second counts as one before. */
function isOpen({ metadata, status }: Push, since: string): boolean {
  return status?.outcome === undefined && Date.parse(metadata?.creationTimestamp ?? "") <= Date.parse(since);
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
