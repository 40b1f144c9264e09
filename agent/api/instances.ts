import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { LABEL } from "../objects/meta.ts";

/** What users call a Pod of an app: its name without the app's. */
export function instanceOf(pod: V1Pod, app: string): string {
  const name = pod.metadata?.name ?? "";
  return name.startsWith(`${app}-`) ? name.slice(app.length + 1) : name;
}

/** All that run. @throws Fault instance_not_found when there is none */
export async function listInstances(kube: Kube, namespace: string, app: string): Promise<{ name: string; ready: boolean }[]> {
  const pods = await runningPods(kube, namespace, app);
  if (pods.length === 0) throw noneRuns(namespace, app);
  return pods.map((pod) => ({ name: instanceOf(pod, app), ready: isReady(pod) }));
}

/** The instance of that name; without one the newest that is ready, or at least runs. @throws Fault instance_not_found */
export async function pickInstance(kube: Kube, namespace: string, app: string, wanted?: string): Promise<V1Pod> {
  const pods = await runningPods(kube, namespace, app);
  const found = wanted === undefined ? best(pods) : pods.find((pod) => instanceOf(pod, app) === wanted);
  if (found) return found;
  if (pods.length === 0) throw noneRuns(namespace, app);
  const names = pods.map((pod) => `'${instanceOf(pod, app)}'`).sort();
  throw new Fault("instance_not_found", `'${app}' has no instance '${wanted}'; it has ${names.join(", ")}`, { details: { app, namespace } });
}

/** Those that run and are not on their way out. */
async function runningPods(kube: Kube, namespace: string, app: string): Promise<V1Pod[]> {
  const pods = await kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace }, { labels: `${LABEL.app}=${app}` });
  return pods.filter((pod) => pod.status?.phase === "Running" && pod.status.podIP && !pod.metadata?.deletionTimestamp);
}

function noneRuns(namespace: string, app: string): Fault {
  return new Fault("instance_not_found", `no instance of '${app}' runs`, { details: { app, namespace } });
}

/** One that is ready, then the youngest. */
function best(pods: readonly V1Pod[]): V1Pod | undefined {
  const born = (pod: V1Pod) => Date.parse(String(pod.metadata?.creationTimestamp ?? ""));
  return pods.toSorted((a, b) => Number(isReady(b)) - Number(isReady(a)) || born(b) - born(a))[0];
}

function isReady(pod: V1Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}
