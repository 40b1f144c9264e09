import { Fault } from "#shared/fault";
import type { KubeObject, V1Pod } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import { STAGING } from "../objects/meta.ts";
import { deadline, type Run } from "../run.ts";

/** A Pod that is not up after this long will not be. */
const START_MS = 180_000;

/**
 * The Pod of a Job of the staging namespace, once it is up; when no node has room, what only waits makes some.
 * @param isUp told every state of the Pod; what it throws ends the wait
 * @throws Fault staging_unschedulable
 */
export async function jobPod(run: Run, job: string, isUp: (pod: V1Pod) => boolean): Promise<V1Pod> {
  let reason = "it has not been scheduled";
  let madeRoom = false;
  const limit = deadline(run.signal, START_MS, () => {
    return new Fault("staging_unschedulable", `the staging Pod did not start in ${START_MS / 1000} s: ${reason}`);
  });
  try {
    const ref = { apiVersion: "v1", kind: "Pod", namespace: STAGING };
    for await (const event of watch<V1Pod>(run.kube, ref, { labels: `batch.kubernetes.io/job-name=${job}`, signal: limit.signal })) {
      if (event.type !== "set") continue;
      if (isUp(event.object)) return event.object;
      reason = whyWaiting(event.object) ?? reason;
      if (!isUnschedulable(event.object) || madeRoom) continue;
      madeRoom = true;
      await run.makeRoom();
    }
    limit.signal.throwIfAborted();
    throw new Error("the watch on staging Pods ended");
  } finally {
    limit.clear();
  }
}

/** `base`, or `base-1` and so on: the first that is not taken. A Job's name is taken until the Job is gone. */
export function freeName(base: string, taken: readonly KubeObject[]): string {
  const names = new Set(taken.map(({ metadata }) => metadata?.name));
  for (let attempt = 0; ; attempt++) {
    const name = attempt === 0 ? base : `${base}-${attempt}`;
    if (!names.has(name)) return name;
  }
}

/** Whether a container of the Pod has ended, or the whole Pod: it takes no order any more. */
export function hasEnded(pod: V1Pod): boolean {
  return (
    ["Succeeded", "Failed"].includes(pod.status?.phase ?? "") || (pod.status?.containerStatuses ?? []).some((status) => status.state?.terminated)
  );
}

/** Whether no node has room for the Pod. */
export function isUnschedulable(pod: V1Pod): boolean {
  return Boolean(pod.status?.conditions?.some((condition) => condition.type === "PodScheduled" && condition.reason === "Unschedulable"));
}

function whyWaiting(pod: V1Pod): string | undefined {
  const waiting = pod.status?.containerStatuses?.map((status) => status.state?.waiting).find((state) => state?.message);
  if (waiting) return `${waiting.reason}: ${waiting.message}`;
  const unmet = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled" && condition.status === "False");
  return unmet?.message ?? undefined;
}
