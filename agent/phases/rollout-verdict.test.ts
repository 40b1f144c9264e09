import { expect, test } from "bun:test";
import type { V1ContainerStatus, V1Deployment, V1Pod } from "#shared/kube/objects";
import { judge, READY_MS } from "./rollout-verdict.ts";

const deployment = (status: object, replicas = 2): V1Deployment =>
  ({ metadata: { generation: 3 }, spec: { replicas }, status: { observedGeneration: 3, ...status } }) as V1Deployment;
const pod = (status: Partial<V1ContainerStatus>, more: object = {}): V1Pod =>
  ({
    spec: { containers: [{ name: "app", ports: [{ containerPort: 8080 }], resources: { limits: { memory: "1Gi" } } }] },
    status: { containerStatuses: [{ name: "app", restartCount: 0, ...status }], ...more },
  }) as V1Pod;
const all = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

test("a rollout is done when exactly the wanted Pods, all new, are available", () => {
  expect(judge({ generation: 3, deployment: deployment(all), pods: [], elapsed: 0 })).toEqual({ kind: "done" });
  expect(judge({ generation: 3, deployment: deployment({}, 0), pods: [], elapsed: 0 })).toEqual({ kind: "done" });
  for (const status of [
    { ...all, observedGeneration: 2 },
    { ...all, replicas: 3 },
    { ...all, updatedReplicas: 1 },
    { ...all, availableReplicas: 1 },
  ]) {
    expect(judge({ generation: 3, deployment: deployment(status), pods: [], elapsed: 0 }).kind).toBe("wait");
  }
  // The list that a watch begins with may be older than what was just applied.
  expect(judge({ generation: 4, deployment: deployment(all), pods: [], elapsed: 0 }).kind).toBe("wait");
  expect(judge({ generation: 3, deployment: undefined, pods: [], elapsed: 0 }).kind).toBe("wait");
});

test("Pods that Kubernetes does not let be made fail a rollout: for their Pod Security at once, for what may pass later", () => {
  const refused = (message: string, observedGeneration = 3) =>
    deployment({ observedGeneration, conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }] });
  const after = (elapsed: number, refusal: V1Deployment, pods: V1Pod[] = []) => {
    const verdict = judge({ generation: 3, deployment: refusal, pods, elapsed });
    return verdict.kind === "failed" ? [verdict.fault.code, verdict.fault.message] : verdict.kind;
  };
  const level = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities';
  expect(after(2000, refused(level))).toEqual(["pod_forbidden", `Kubernetes does not let the app's Pods be made: ${level}`]);
  expect([after(500, refused(level)), after(2000, refused(level, 2))]).toEqual(["wait", "wait"]);
  const quota = 'pods "x" is forbidden: exceeded quota: small';
  expect([after(2000, refused(quota)), after(31_000, refused(quota))[0]]).toEqual(["wait", "pod_forbidden"]);
  const asRoot = pod({
    state: { waiting: { reason: "CreateContainerConfigError", message: "container has runAsNonRoot and image will run as root" } },
  });
  expect(after(0, deployment({}), [asRoot])).toEqual(["pod_forbidden", expect.stringContaining("restricted")]);
});

test("what Pods say decides how a rollout fails, and how soon", () => {
  const waiting = (reason: string) => pod({ state: { waiting: { reason, message: "why" } } });
  const ended = (reason: string, exitCode: number, restartCount: number) => pod({ restartCount, state: { terminated: { reason, exitCode } } });
  const cases: [string, V1Pod, number, string][] = [
    ["a pull may fail at first", waiting("ErrImagePull"), 1_000, "wait"],
    ["but not for long", waiting("ImagePullBackOff"), 31_000, "image_pull"],
    ["so may the making of a container", waiting("CreateContainerConfigError"), 1_000, "wait"],
    ["for as long", waiting("CreateContainerConfigError"), 31_000, "rollout_failed"],
    ["one exit may be bad luck", ended("Error", 1, 0), 0, "wait"],
    ["two are a crash", ended("Error", 1, 1), 0, "app_crashed"],
    ["also a friendly one", ended("Completed", 0, 1), 0, "app_crashed"],
    ["memory is told at once", ended("OOMKilled", 137, 0), 0, "app_oom"],
    ["silence is waited for", pod({ state: { running: {} } }), READY_MS - 1, "wait"],
    ["and then named", pod({ state: { running: {} } }), READY_MS, "app_not_listening"],
    ["no node", pod({}, { conditions: [{ type: "PodScheduled", status: "False", message: "0/1 nodes" }] }), READY_MS, "rollout_failed"],
  ];
  for (const [name, state, elapsed, expected] of cases) {
    const verdict = judge({ generation: 3, deployment: deployment({}), pods: [state], elapsed });
    expect([name, verdict.kind === "failed" ? verdict.fault.code : verdict.kind]).toEqual([name, expected]);
  }
});
