import type { KubeObject, V1DaemonSet, V1Deployment, V1PersistentVolumeClaim, V1Pod } from "#shared/kube/objects";

/** How far a Deployment or DaemonSet is. */
export interface Readiness {
  ready: number;
  desired: number;
  /** The newest version runs everywhere it should, and nothing of an older one is left. */
  done: boolean;
}

/** Readiness of the object as last seen; undefined: it does not exist. */
export function readiness(object: KubeObject | undefined): Readiness {
  if (!object) return { ready: 0, desired: 1, done: false };
  return object.kind === "DaemonSet" ? ofDaemonSet(object as V1DaemonSet) : ofDeployment(object as V1Deployment);
}

function ofDeployment({ metadata, spec, status }: V1Deployment): Readiness {
  const desired = spec?.replicas ?? 1;
  const [ready, updated, all] = [status?.readyReplicas ?? 0, status?.updatedReplicas ?? 0, status?.replicas ?? 0];
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  // Scaled to none, it is as wanted by somebody, and not there for anybody.
  return { ready, desired, done: seen && desired > 0 && ready === desired && updated === desired && all === desired };
}

function ofDaemonSet({ metadata, status }: V1DaemonSet): Readiness {
  const desired = status?.desiredNumberScheduled ?? 0;
  const [ready, updated] = [status?.numberReady ?? 0, status?.updatedNumberScheduled ?? 0];
  const seen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
  return { ready, desired, done: seen && ready === desired && updated === desired };
}

/** The reason when no Pod shows any. */
export const STARTING = "starting";

/** Why a component is not ready yet, in one line: the most telling thing that its Pods and volumes show. */
export function explain(pods: V1Pod[], claims: V1PersistentVolumeClaim[]): string {
  const living = pods.filter((pod) => !pod.metadata?.deletionTimestamp);
  if (living.length === 0) return pods.length > 0 ? "the old Pod is ending" : "waiting for a Pod";
  const reasons = living.map((pod) => podProblem(pod, claims)).filter((reason) => reason !== undefined);
  return reasons[0] ?? STARTING;
}

function podProblem(pod: V1Pod, claims: V1PersistentVolumeClaim[]): string | undefined {
  const unscheduled = pod.status?.conditions?.find((condition) => condition.type === "PodScheduled" && condition.status === "False");
  if (unscheduled) return `Pod pending: ${claimProblem(pod, claims) ?? unscheduled.message ?? unscheduled.reason}`;
  for (const status of [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]) {
    const { waiting } = status.state ?? {};
    const ended = status.state?.terminated ?? status.lastState?.terminated;
    if (waiting?.reason === "CrashLoopBackOff" || (status.state?.terminated && status.state.terminated.exitCode !== 0)) {
      return `container ${status.name} ended with exit code ${ended?.exitCode} (${ended?.reason}), ${status.restartCount} restarts; see \`kubectl logs -n ${pod.metadata?.namespace} ${pod.metadata?.name} -c ${status.name} -p\``;
    }
    if (waiting?.reason && !["ContainerCreating", "PodInitializing"].includes(waiting.reason)) {
      return `container ${status.name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ""}`;
    }
  }
  const unready = pod.status?.containerStatuses?.find((status) => !status.ready);
  if (!unready) return undefined;
  return unready.state?.running ? `container ${unready.name} runs but is not ready` : `container ${unready.name} is being created`;
}

function claimProblem(pod: V1Pod, claims: V1PersistentVolumeClaim[]): string | undefined {
  const names = (pod.spec?.volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName);
  const pending = claims.find((claim) => names.includes(claim.metadata?.name) && claim.status?.phase === "Pending");
  if (!pending) return undefined;
  if (!pending.spec?.storageClassName) return "no StorageClass (the cluster has no default one; give --storage-class)";
  return `its volume ${pending.metadata?.name} waits for StorageClass ${pending.spec.storageClassName}`;
}
