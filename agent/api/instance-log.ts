import type { LogLine } from "#shared/api";
import type { Kube } from "#shared/kube/client";
import { faultOf } from "#shared/kube/fault";
import type { V1ContainerStatus, V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { lines } from "#shared/lines";
import type { Position } from "#shared/log-position";
import { instanceOf } from "./instances.ts";

const STAMP = /^\d{4}-\d\d-\d\dT\S+$/;

export interface LogOptions {
  follow: boolean;
  /** The newest lines only. */
  tail: number | undefined;
  /** Lines of this time or later. */
  since: string | undefined;
  signal: AbortSignal;
}

/**
 * What an instance writes. From a position on it is the rest behind that, whatever `tail` and `since` say, and of the
 * container before the last restart too, as that may have gone on writing.
 */
export async function* instanceLog(kube: Kube, app: string, pod: V1Pod, options: LogOptions, from?: Position): AsyncGenerator<LogLine> {
  const resumed = from ? { ...options, tail: undefined, since: new Date(from.second * 1000).toISOString() } : options;
  let known = from?.lines ?? 0;
  const logs = [...(from && startedAfter(pod, from.second) ? [previousLog(kube, app, pod, resumed)] : []), containerLog(kube, app, pod, resumed)];
  for (const log of logs) {
    for await (const line of log) {
      // Only lines of that second were had: a container that was just restarted may be read where the one before is expected.
      if (known > 0 && from && Date.parse(line.at) < (from.second + 1) * 1000) known -= 1;
      else yield line;
    }
  }
}

/** What the container before the last restart wrote; nothing when there was none. */
export function previousLog(kube: Kube, app: string, pod: V1Pod, options: LogOptions): AsyncGenerator<LogLine> {
  return containerLog(kube, app, pod, { ...options, follow: false, previous: true });
}

async function* containerLog(kube: Kube, app: string, pod: V1Pod, options: LogOptions & { previous?: boolean }): AsyncGenerator<LogLine> {
  const { follow, tail, since, previous, signal } = options;
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: pod.metadata?.namespace, name: pod.metadata?.name }, "log");
  const query = { container: "app", follow, previous, tailLines: tail, sinceTime: since, timestamps: true };
  const response = await kube.fetch(path, { query, patient: follow, signal });
  // The Pod is gone, or no container of it has begun, or none before this one.
  if (response.status === 404 || response.status === 400) return void (await response.body?.cancel());
  if (!response.ok || !response.body) throw await faultOf(response, `GET ${path}`);
  const instance = instanceOf(pod, app);
  for await (const stamped of lines(response.body)) {
    const cut = stamped.indexOf(" ");
    const at = stamped.slice(0, cut);
    // What has no time is not the app's: kubelet says there that it has lost a log.
    if (STAMP.test(at)) yield { instance, at, line: stamped.slice(cut + 1) };
  }
}

/** The state of an app's one container. */
export function containerOf(pod: V1Pod): V1ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find(({ name }) => name === "app");
}

function startedAfter(pod: V1Pod, second: number): boolean {
  const { restartCount = 0, state } = containerOf(pod) ?? {};
  const startedAt = state?.running?.startedAt ?? state?.terminated?.startedAt;
  return restartCount > 0 && (startedAt === undefined || Date.parse(String(startedAt)) / 1000 >= second);
}
