import type { LogLine } from "#shared/api";
import type { Kube } from "#shared/kube/client";
import { faultOf } from "#shared/kube/fault";
import type { V1Pod } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { lines } from "#shared/lines";
import { LABEL } from "../objects/meta.ts";

interface Options {
  follow: boolean;
  tail: number | undefined;
  signal: AbortSignal;
}

/** The lines of all of an app's Pods as they come; with `follow` also those of Pods that start later. */
export async function* appLogs(kube: Kube, namespace: string, app: string, options: Options): AsyncGenerator<LogLine> {
  const queue = new Queue<LogLine>();
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const reading = options.follow ? followPods(kube, namespace, app, options, signal, queue) : readPods(kube, namespace, app, options, signal, queue);
  reading.then(
    () => queue.end(),
    (error) => queue.end(signal.aborted ? undefined : error),
  );
  try {
    yield* queue;
  } finally {
    over.abort();
  }
}

const selector = (app: string) => `${LABEL.app}=${app}`;

async function readPods(kube: Kube, namespace: string, app: string, options: Options, signal: AbortSignal, queue: Queue<LogLine>): Promise<void> {
  const pods = await kube.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace }, { labels: selector(app), signal });
  await Promise.all(pods.filter(hasStarted).map((pod) => readPod(kube, pod, app, options, signal, queue)));
}

async function followPods(kube: Kube, namespace: string, app: string, options: Options, signal: AbortSignal, queue: Queue<LogLine>): Promise<void> {
  const reading = new Set<string>();
  for await (const event of watch<V1Pod>(kube, { apiVersion: "v1", kind: "Pod", namespace }, { labels: selector(app), signal })) {
    if (event.type !== "set" || !hasStarted(event.object)) continue;
    const restarts = event.object.status?.containerStatuses?.[0]?.restartCount ?? 0;
    const key = `${event.object.metadata?.uid}/${restarts}`;
    if (reading.has(key)) continue;
    reading.add(key);
    void readPod(kube, event.object, app, options, signal, queue).catch((error) => queue.end(signal.aborted ? undefined : error));
  }
}

function hasStarted(pod: V1Pod): boolean {
  const state = pod.status?.containerStatuses?.[0]?.state;
  return Boolean(state?.running ?? state?.terminated);
}

async function readPod(kube: Kube, pod: V1Pod, app: string, options: Options, signal: AbortSignal, queue: Queue<LogLine>): Promise<void> {
  const name = pod.metadata?.name ?? "";
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace: pod.metadata?.namespace, name }, "log");
  const response = await kube.fetch(path, {
    query: { container: "app", follow: options.follow, tailLines: options.tail, timestamps: true },
    patient: options.follow,
    signal,
  });
  if (response.status === 404 || response.status === 400) return;
  if (!response.ok || !response.body) throw await faultOf(response, `GET ${path}`);
  const instance = name.startsWith(`${app}-`) ? name.slice(app.length + 1) : name;
  for await (const stamped of lines(response.body)) {
    const cut = stamped.indexOf(" ");
    await queue.put({ instance, at: stamped.slice(0, cut), line: stamped.slice(cut + 1) });
  }
}

/** Lines from several Pods to one reader; a writer waits while the reader is behind. */
class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #ended: { error?: unknown } | undefined;
  #wake = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();

  async put(item: T): Promise<void> {
    this.#items.push(item);
    this.#wake.resolve();
    while (this.#items.length > 1000 && !this.#ended) await this.#room.promise;
  }

  end(error?: unknown): void {
    this.#ended ??= error === undefined ? {} : { error };
    this.#wake.resolve();
    this.#room.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      yield* this.#items.splice(0);
      this.#room.resolve();
      this.#room = Promise.withResolvers();
      if (this.#items.length > 0) continue;
      if (this.#ended) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}
