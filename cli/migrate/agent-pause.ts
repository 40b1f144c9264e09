import type { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf, type Ref } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { componentRef } from "../install/components.ts";

const STAGING = "davit-staging";

/** Takes the agent away, the only one that writes. Whoever follows a push waits for it, and the push goes on when it is back. */
export async function pauseAgent(kube: Kube, signal: AbortSignal): Promise<void> {
  await scaleAgent(kube, 0);
  await podsGone(kube, "davit", "app.kubernetes.io/component=agent", signal);
}

export async function resumeAgent(kube: Kube): Promise<void> {
  await scaleAgent(kube, 1);
}

/** Ends what builds now: it would end in the old place. The agent has it built again when it is back. */
export async function endBuilds(kube: Kube, signal: AbortSignal): Promise<void> {
  const labels = "app.kubernetes.io/component=staging";
  await kube.remove({ apiVersion: "batch/v1", kind: "Job", namespace: STAGING }, { labels });
  await kube.remove({ apiVersion: "v1", kind: "Pod", namespace: STAGING }, { labels, graceSeconds: 1 });
  await podsGone(kube, STAGING, labels, signal);
}

async function scaleAgent(kube: Kube, replicas: number): Promise<void> {
  const body = { spec: { replicas } };
  await kube.json(pathOf(componentRef("agent")), { method: "PATCH", contentType: "application/merge-patch+json", body });
}

async function podsGone(kube: Kube, namespace: string, labels: string, signal: AbortSignal): Promise<void> {
  const pods: Ref = { apiVersion: "v1", kind: "Pod", namespace };
  const left = new Set<string>();
  let listed = false;
  for await (const event of watch<V1Pod>(kube, pods, { labels, signal })) {
    if (event.type === "set") left.add(event.object.metadata?.uid ?? "");
    if (event.type === "gone") left.delete(event.object.metadata?.uid ?? "");
    listed ||= event.type === "synced";
    if (listed && left.size === 0) return;
  }
  signal.throwIfAborted();
}
