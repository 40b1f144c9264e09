import type { LogLine } from "#shared/api";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Pod } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import { LogPositions, type SeenLines } from "#shared/log-position";
import { within } from "#shared/within";
import { LABEL } from "../objects/meta.ts";
import { containerOf, instanceLog, type LogOptions, previousLog } from "./instance-log.ts";
import { instanceOf } from "./instances.ts";
import { Queue } from "./queue.ts";

/** A log whose container runs is read on after so long; one that has ended is seen to have done so within this time. */
const RETRY_MS = 2000;

/** Whose log is read, how, and where its lines go. */
interface Reading {
  kube: Kube;
  namespace: string;
  app: string;
  options: LogOptions & { previous: boolean };
  seen: SeenLines;
  queue: Queue<LogLine>;
}

/** The lines of all of an app's Pods as they come, each Pod's in order; with `follow` also those of Pods that start later. */
export async function* appLogs(
  kube: Kube,
  { namespace, app }: { namespace: string; app: string },
  { seen = new Map(), ...options }: LogOptions & { previous: boolean; seen: SeenLines | undefined },
): AsyncGenerator<LogLine> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const queue = new Queue<LogLine>();
  const reading: Reading = { kube, namespace, app, options: { ...options, signal }, seen, queue };
  (options.follow ? followPods(reading) : readPods(reading)).then(
    () => queue.end(),
    (error) => queue.end(signal.aborted ? undefined : error),
  );
  try {
    yield* queue;
  } finally {
    over.abort();
  }
}

const PODS = { apiVersion: "v1", kind: "Pod" };
const selector = (app: string) => `${LABEL.app}=${app}`;

async function readPods({ kube, namespace, app, options, seen, queue }: Reading): Promise<void> {
  const pods = await kube.list<V1Pod>({ ...PODS, namespace }, { labels: selector(app), signal: options.signal });
  const read = async (pod: V1Pod) => {
    const log = options.previous ? previousLog(kube, app, pod, options) : instanceLog(kube, app, pod, options, seen.get(instanceOf(pod, app)));
    for await (const line of log) await queue.put(line);
  };
  await Promise.all(pods.filter(hasStarted).map(read));
}

/** A Pod as the watch last told of it. */
interface Followed {
  pod: V1Pod;
  gone: boolean;
  changed: PromiseWithResolvers<void>;
}

async function followPods(reading: Reading): Promise<void> {
  const { kube, namespace, app, options, queue } = reading;
  const all = new Map<string, Followed>();
  let synced = false;
  for await (const event of watch<V1Pod>(kube, { ...PODS, namespace }, { labels: selector(app), signal: options.signal })) {
    if (event.type === "synced") {
      synced = true;
      continue;
    }
    const uid = event.object.metadata?.uid ?? "";
    const known = all.get(uid);
    if (event.type === "gone") all.delete(uid);
    if (known) tell(known, event.object, event.type === "gone");
    if (known || event.type === "gone") continue;
    const followed = { pod: event.object, gone: false, changed: Promise.withResolvers<void>() };
    all.set(uid, followed);
    followPod(reading, followed, synced).catch((error) => queue.end(options.signal.aborted ? undefined : error));
  }
  for (const followed of all.values()) tell(followed, followed.pod, true);
}

function tell(followed: Followed, pod: V1Pod, gone: boolean): void {
  if (!gone) followed.pod = pod;
  followed.gone = gone;
  followed.changed.resolve();
  followed.changed = Promise.withResolvers();
}

/** Reads a Pod's log for as long as there is the Pod: over restarts of its container, and over what breaks on the way to it. All of a `late` one is new. */
async function followPod({ kube, app, options, seen, queue }: Reading, followed: Followed, late: boolean): Promise<void> {
  const { signal } = options;
  const instance = instanceOf(followed.pod, app);
  const known = seen.get(instance);
  const positions = new LogPositions(known && new Map([[instance, known]]));
  const whole = { ...options, tail: undefined };
  // What `tail` left out at first stays left out.
  const further = late || options.tail === undefined ? whole : { ...whole, since: new Date().toISOString() };
  for (let now: LogOptions = late ? whole : options; !followed.gone; now = further) {
    while (!hasStarted(followed.pod) && !followed.gone) await followed.changed.promise;
    const container = containerOf(followed.pod)?.containerID;
    try {
      for await (const line of instanceLog(kube, app, followed.pod, now, positions.of(instance))) {
        await queue.put(line);
        positions.note(line);
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Fault && error.code !== "cluster_unreachable")) throw error;
    }
    await within(RETRY_MS, followed.changed.promise);
    // Nothing more comes of a container that has ended.
    while (!followed.gone && !runs(followed.pod) && containerOf(followed.pod)?.containerID === container) await followed.changed.promise;
  }
}

function hasStarted(pod: V1Pod): boolean {
  const { state, lastState } = containerOf(pod) ?? {};
  return Boolean(state?.running ?? state?.terminated ?? lastState?.terminated);
}

function runs(pod: V1Pod): boolean {
  return containerOf(pod)?.state?.running !== undefined;
}
