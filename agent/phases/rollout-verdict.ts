import { Fault } from "#shared/fault";
import type { V1Deployment, V1Pod } from "#shared/kube/objects";

export interface RolloutState {
  deployment: V1Deployment | undefined;
  /** The Deployment's generation that is to be rolled out; an earlier one was done long ago. */
  generation: number;
  /** Pods of the new revision only. */
  pods: readonly V1Pod[];
  /** Milliseconds since the rollout began. */
  elapsed: number;
}

/**
 * A start may fail at first: a new node has not learnt to trust the registry, or its kubelet may not read a new Secret yet. It
 * tries again after 10 s, of which it may take notice 10 s later.
 */
const START_PATIENCE_MS = 30_000;
/** What a Deployment says of its Pods may still be about those of the version before. */
const SETTLE_MS = 2000;
const PULL = /ImagePull|ErrImage|InvalidImageName/;
const START = /^(CreateContainerConfigError|CreateContainerError|RunContainerError)$/;
/** An app that has not become ready by then will not. */
export const READY_MS = 60_000;
/** Ends of the app's process before the push gives up: one may be bad luck, two are a crash loop. */
const CRASHES = 2;

export type Verdict = { kind: "done" } | { kind: "wait" } | { kind: "failed"; fault: Fault; pod?: V1Pod; previous?: boolean };

/** What the state of a rollout means. Pure: the same state always gives the same verdict. */
export function judge(state: RolloutState): Verdict {
  if (isDone(state.deployment, state.generation)) return { kind: "done" };
  const refused = judgeDeployment(state);
  if (refused) return refused;
  for (const pod of state.pods) {
    const failed = judgePod(pod, state.elapsed);
    if (failed) return failed;
  }
  if (state.elapsed < READY_MS) return { kind: "wait" };
  return notReady(state.pods);
}

function isDone(deployment: V1Deployment | undefined, generation: number): boolean {
  const { spec, status, metadata } = deployment ?? {};
  const wanted = spec?.replicas ?? 1;
  return (
    status !== undefined &&
    (status.observedGeneration ?? 0) >= Math.max(generation, metadata?.generation ?? 1) &&
    (status.replicas ?? 0) === wanted &&
    (status.updatedReplicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted
  );
}

/** Kubernetes tries again and again to make Pods. A quota may become free and a webhook come back; a level of Pod Security stays. */
function judgeDeployment({ deployment, generation, elapsed }: RolloutState): Verdict | undefined {
  const { observedGeneration = 0, conditions = [] } = deployment?.status ?? {};
  const refused = conditions.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
  if (!refused || observedGeneration < generation) return undefined;
  const stays = refused.message?.includes("violates PodSecurity");
  if (elapsed < (stays ? SETTLE_MS : START_PATIENCE_MS)) return undefined;
  return { kind: "failed", fault: new Fault("pod_forbidden", `Kubernetes does not let the app's Pods be made: ${refused.message}`) };
}

function judgePod(pod: V1Pod, elapsed: number): Verdict | undefined {
  const status = pod.status?.containerStatuses?.find((container) => container.name === "app");
  const waiting = status?.state?.waiting;
  if (waiting?.message?.includes("runAsNonRoot")) {
    const why = `the namespace is under Pod Security 'restricted', where nothing runs as root: ${waiting.message}`;
    return { kind: "failed", fault: new Fault("pod_forbidden", why) };
  }
  if (waiting && elapsed > START_PATIENCE_MS) {
    const why = waiting.message ?? waiting.reason;
    if (PULL.test(waiting.reason ?? "")) return { kind: "failed", fault: new Fault("image_pull", `the node could not pull the image: ${why}`) };
    if (START.test(waiting.reason ?? ""))
      return { kind: "failed", fault: new Fault("rollout_failed", `the app's container could not be made: ${why}`) };
  }
  const ended = status?.state?.terminated ?? status?.lastState?.terminated;
  if (ended?.reason === "OOMKilled") {
    const fault = new Fault("app_oom", "the app was killed because it used more memory than it may", { details: { limit: memoryLimit(pod) } });
    return { kind: "failed", fault, pod, previous: status?.state?.terminated === undefined };
  }
  if (ended && (status?.restartCount ?? 0) >= CRASHES - 1) {
    const fault = new Fault("app_crashed", `the app ended by itself with exit code ${ended.exitCode}`, { details: { exit: String(ended.exitCode) } });
    return { kind: "failed", fault, pod, previous: status?.state?.terminated === undefined };
  }
  return undefined;
}

function notReady(pods: readonly V1Pod[]): Verdict {
  const pod = pods.find((candidate) => !candidate.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True"));
  const unmet = pod?.status?.conditions?.find((condition) => condition.type === "PodScheduled" && condition.status === "False");
  if (unmet) return { kind: "failed", fault: new Fault("rollout_failed", `a Pod could not be placed on a node: ${unmet.message}`) };
  const running = pod?.status?.containerStatuses?.some((container) => container.state?.running);
  if (running && pod) {
    const port = pod.spec?.containers[0]?.ports?.[0]?.containerPort ?? 0;
    const fault = new Fault("app_not_listening", `the app runs, but nothing listens on port ${port} of its Pod after ${READY_MS / 1000} s`, {
      details: { port: String(port) },
    });
    return { kind: "failed", fault, pod };
  }
  return { kind: "failed", fault: new Fault("app_not_ready", `the app's Pods were not ready after ${READY_MS / 1000} s`), ...(pod ? { pod } : {}) };
}

function memoryLimit(pod: V1Pod): string {
  return pod.spec?.containers[0]?.resources?.limits?.["memory"] ?? "";
}
