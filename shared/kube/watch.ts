import { Fault } from "../fault.ts";
import { lines } from "../lines.ts";
import { pause } from "../within.ts";
import type { Kube } from "./client.ts";
import { faultOf, hasStatus } from "./fault.ts";
import type { KubeObject } from "./objects.ts";
import { pathOf, type Ref } from "./resource.ts";

/** `synced` comes once after every (re)list: all that exists has been told, and what had vanished meanwhile was told to be gone. */
export type WatchEvent<T> = { type: "set"; object: T } | { type: "gone"; object: T } | { type: "synced" };

export interface WatchOptions {
  labels?: string | undefined;
  fields?: string | undefined;
  signal?: AbortSignal | undefined;
}

const RETRY_MS = [50, 200, 1000, 3000];
/** The API server ends a watch by itself after this long; a silent, half-open connection is noticed soon after. */
const WATCH_SECONDS = 240;

/**
 * Tells the state of a kind and then every change, for ever: lists, watches from there, and lists again when the
 * server has forgotten the resource version (410) or the connection breaks. Ends when `signal` aborts.
 * @throws Fault forbidden, token_rejected: waiting would not help
 */
export async function* watch<T extends KubeObject>(kube: Kube, ref: Ref, options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
  const query = { labelSelector: options.labels, fieldSelector: selectName(ref, options.fields) };
  const path = pathOf({ ...ref, name: undefined });
  let version: string | undefined;
  let known = new Map<string, T>();
  for (let failures = 0; !options.signal?.aborted; ) {
    try {
      if (version === undefined) {
        const list = await kube.json<{ metadata: { resourceVersion: string }; items: T[] }>(path, { query, signal: options.signal });
        const listed = new Map(list.items.map((item) => [keyOf(item), stub(item)]));
        for (const item of list.items) yield { type: "set", object: { ...item, apiVersion: ref.apiVersion, kind: ref.kind } };
        for (const [key, object] of known) if (!listed.has(key)) yield { type: "gone", object };
        yield { type: "synced" };
        known = listed;
        version = list.metadata.resourceVersion;
      }
      for await (const frame of frames<T>(kube, path, { ...query, resourceVersion: version }, options.signal)) {
        version = frame.object.metadata?.resourceVersion ?? version;
        if (frame.type === "DELETED") known.delete(keyOf(frame.object));
        else if (frame.type !== "BOOKMARK") known.set(keyOf(frame.object), stub(frame.object));
        if (frame.type !== "BOOKMARK") yield { type: frame.type === "DELETED" ? "gone" : "set", object: frame.object };
        failures = 0;
      }
    } catch (error) {
      if (options.signal?.aborted) return;
      if (error instanceof Fault && (error.code === "forbidden" || error.code === "token_rejected")) throw error;
      if (hasStatus(error, 410)) version = undefined;
      await pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 0, options.signal);
    }
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

/** Enough of an object to tell later that it is gone. */
function stub<T extends KubeObject>({ apiVersion, kind, metadata }: T): T {
  const { name, namespace, uid } = metadata ?? {};
  return { apiVersion, kind, metadata: { name, namespace, uid } } as T;
}

interface Frame<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  object: T;
}

async function* frames<T extends KubeObject>(
  kube: Kube,
  path: string,
  query: Record<string, string | undefined>,
  signal?: AbortSignal,
): AsyncGenerator<Frame<T>> {
  const response = await kube.fetch(path, { query: { ...query, watch: true, allowWatchBookmarks: true, timeoutSeconds: WATCH_SECONDS }, signal });
  if (!response.ok) throw await faultOf(response, `watch ${path}`);
  if (!response.body) return;
  for await (const line of lines(response.body)) {
    const frame = JSON.parse(line);
    if (frame.type === "ERROR") {
      throw new Fault("kube_refused", frame.object?.message ?? "the watch ended", { details: { status: String(frame.object?.code ?? 0) } });
    }
    yield frame as Frame<T>;
  }
}

function selectName(ref: Ref, fields?: string): string | undefined {
  return ref.name ? ["metadata.name=".concat(ref.name), fields].filter(Boolean).join(",") : fields;
}

/**
 * The first non-undefined answer of `pick` over the named object's states; `pick` gets undefined while the object does not exist.
 * @throws whatever `signal` was aborted with
 */
export async function waitFor<T extends KubeObject, R>(
  kube: Kube,
  ref: Ref & { name: string },
  pick: (object: T | undefined) => R | undefined,
  signal?: AbortSignal,
): Promise<R> {
  const done = new AbortController();
  const both = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
  try {
    let listed = false;
    for await (const event of watch<T>(kube, ref, { signal: both })) {
      const known = event.type === "synced" && listed;
      listed = event.type === "set";
      if (known) continue;
      const answer = pick(event.type === "set" ? event.object : undefined);
      if (answer !== undefined) return answer;
    }
  } finally {
    done.abort();
  }
  signal?.throwIfAborted();
  throw new Error("the watch ended by itself");
}

/**
 * Waits until there is no object of a kind of which `holds` is true.
 * @throws what `signal` was aborted with
 */
export async function untilNone<T extends KubeObject>(
  kube: Kube,
  ref: Ref,
  holds: (object: T) => boolean,
  { signal, ...options }: WatchOptions = {},
): Promise<void> {
  const done = new AbortController();
  const left = new Set<string>();
  let listed = false;
  try {
    for await (const event of watch<T>(kube, ref, { ...options, signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal })) {
      if (event.type === "synced") listed = true;
      else if (event.type === "set" && holds(event.object)) left.add(keyOf(event.object));
      else left.delete(keyOf(event.object));
      if (listed && left.size === 0) return;
    }
  } finally {
    done.abort();
  }
  signal?.throwIfAborted();
  throw new Error("the watch ended by itself");
}
