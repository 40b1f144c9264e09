import { expect, test } from "bun:test";
import type { V1PersistentVolumeClaim, V1Pod } from "#shared/kube/objects";
import { explain, readiness } from "./explain.ts";

const pod = (status: object, spec: object = {}): V1Pod =>
  ({ metadata: { name: "s3-1", namespace: "davit" }, spec: { containers: [], ...spec }, status }) as V1Pod;
const waiting = (reason: string, message?: string) =>
  pod({
    containerStatuses: [
      {
        name: "s3",
        ready: false,
        restartCount: 2,
        state: { waiting: { reason, message } },
        lastState: { terminated: { exitCode: 3, reason: "Error" } },
      },
    ],
  });
const unscheduled = (message: string) =>
  pod({ conditions: [{ type: "PodScheduled", status: "False", message }] }, { volumes: [{ persistentVolumeClaim: { claimName: "s3-data" } }] });
const claim = (storageClassName?: string): V1PersistentVolumeClaim =>
  ({ metadata: { name: "s3-data" }, spec: { storageClassName }, status: { phase: "Pending" } }) as V1PersistentVolumeClaim;

test.each<[string, V1Pod[], V1PersistentVolumeClaim[]]>([
  ["waiting for a Pod", [], []],
  [
    "Pod pending: no StorageClass (the cluster has no default one; give --storage-class)",
    [unscheduled("pod has unbound immediate PersistentVolumeClaims")],
    [claim()],
  ],
  ["Pod pending: its volume s3-data waits for StorageClass fast", [unscheduled("unbound")], [claim("fast")]],
  ["Pod pending: 0/1 nodes are available: 1 Insufficient memory", [unscheduled("0/1 nodes are available: 1 Insufficient memory")], []],
  ["container s3: ImagePullBackOff: not found", [waiting("ImagePullBackOff", "not found")], []],
  ["container s3 is being created", [waiting("ContainerCreating")], []],
  ["container s3 ended with exit code 3 (Error), 2 restarts; see `kubectl logs -n davit s3-1 -c s3 -p`", [waiting("CrashLoopBackOff")], []],
  ["container s3 runs but is not ready", [pod({ containerStatuses: [{ name: "s3", ready: false, restartCount: 0, state: { running: {} } }] })], []],
])("%s", (text, pods, claims) => {
  expect(explain(pods, claims)).toBe(text);
});

test("ready is a component only when the newest version runs and nothing older is left", () => {
  const deployment = (status: object) => readiness({ kind: "Deployment", metadata: { generation: 2 }, spec: { replicas: 1 }, status } as object);
  expect(deployment({ observedGeneration: 2, readyReplicas: 1, updatedReplicas: 1, replicas: 1 })).toEqual({ ready: 1, desired: 1, done: true });
  expect(deployment({ observedGeneration: 1, readyReplicas: 1, updatedReplicas: 1, replicas: 1 }).done).toBe(false);
  expect(deployment({ observedGeneration: 2, readyReplicas: 1, updatedReplicas: 1, replicas: 2 }).done).toBe(false);
  const daemonSet = (status: object) => readiness({ kind: "DaemonSet", metadata: { generation: 1 }, status } as object);
  expect(daemonSet({ observedGeneration: 1, desiredNumberScheduled: 3, numberReady: 3, updatedNumberScheduled: 3 }).done).toBe(true);
  expect(daemonSet({ observedGeneration: 1, desiredNumberScheduled: 3, numberReady: 3, updatedNumberScheduled: 2 }).done).toBe(false);
  expect(daemonSet({}).done).toBe(false);
  expect(readiness(undefined)).toEqual({ ready: 0, desired: 1, done: false });
});
