import { Fault } from "#shared/fault";
import type { V1Deployment, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { podSelector } from "../objects/meta.ts";
import type { Run } from "../run.ts";
import { isUnschedulable } from "./job-pod.ts";
import { diagnosePorts } from "./ports.ts";
import { judge, type Verdict } from "./rollout-verdict.ts";

const QUOTED_LINES = 12;
/** Some verdicts depend on time alone, so the state is looked at this often even when nothing changes. */
const TICK_MS = 1000;

/** Waits until only Pods of the new revision run, all ready, as the Deployment of this generation wants. @throws Fault 60-66, with the app's last lines in its details */
export async function awaitRollout(run: Run, generation: number): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([run.signal, over.signal]);
  try {
    const verdict = await follow(run, generation, signal);
    if (verdict.kind === "failed") throw await explain(run, verdict);
  } finally {
    over.abort();
  }
}

async function follow(run: Run, generation: number, signal: AbortSignal): Promise<Exclude<Verdict, { kind: "wait" }>> {
  const { name, namespace } = run.app.metadata;
  const began = Date.now();
  const pods = new Map<string, V1Pod>();
  let deployment: V1Deployment | undefined;
  let changed = Promise.withResolvers<void>();
  const keep = async () => {
    const labels = podSelector(name, run.revision.spec.pods);
    for await (const event of watch<V1Pod>(run.kube, { apiVersion: "v1", kind: "Pod", namespace }, { labels, signal })) {
      if (event.type === "synced") continue;
      if (event.type === "set") pods.set(event.object.metadata?.name ?? "", event.object);
      else pods.delete(event.object.metadata?.name ?? "");
      changed.resolve();
    }
  };
  const keepDeployment = async () => {
    for await (const event of watch<V1Deployment>(run.kube, { apiVersion: "apps/v1", kind: "Deployment", namespace, name }, { signal })) {
      if (event.type !== "set") continue;
      deployment = event.object;
      changed.resolve();
    }
  };
  let madeRoom = false;
  const broken = Promise.all([keep(), keepDeployment()]).then(() => undefined);
  for (;;) {
    const verdict = judge({ deployment, generation, pods: [...pods.values()], elapsed: Date.now() - began });
    if (verdict.kind !== "wait") return verdict;
    if (!madeRoom && pods.values().some(isUnschedulable)) {
      madeRoom = true;
      await run.makeRoom();
    }
    changed = Promise.withResolvers();
    await Promise.race([changed.promise, Bun.sleep(TICK_MS), broken]);
    run.signal.throwIfAborted();
  }
}

async function explain(run: Run, verdict: Extract<Verdict, { kind: "failed" }>): Promise<Fault> {
  const { fault, pod } = verdict;
  if (!pod) return fault;
  const log = await lastLines(run, pod, verdict.previous ?? false);
  for (const line of log) run.events.append({ type: "log", phase: "deploy", line });
  const port = fault.code === "app_not_listening" ? await diagnosePorts(pod) : "";
  return new Fault(fault.code, port ? `${fault.message}; ${port}` : fault.message, {
    cause: fault,
    details: { ...fault.details, log: log.join("\n") },
  });
}

async function lastLines(run: Run, pod: V1Pod, previous: boolean): Promise<string[]> {
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: run.app.metadata.namespace, name: pod.metadata?.name ?? "" }, "log");
  const response = await run.kube.fetch(path, { query: { container: "app", tailLines: QUOTED_LINES, previous } });
  const text = await response.text();
  return response.ok ? text.split("\n").filter((line) => line !== "") : [];
}
