import { Fault } from "../fault.ts";
import { release } from "../release.ts";
import { chunksOf, diffTrees, type TreeEntry, type TreeUpload, treeId } from "../tree.ts";
import { type Pack, packStream } from "./pack-stream.ts";
import { type Pause, withRetries } from "./retry.ts";

const IN_FLIGHT = 4;

/** Where a source goes. Both calls may be repeated, and reject when their signal is aborted. */
export interface SourceSink {
  /**
   * Tells which chunks of a tree are not held yet, and the bytes of the request's body as sent.
   * @throws Fault tree_base_unknown when the upload's base is not held
   */
  negotiate(upload: TreeUpload, signal: AbortSignal): Promise<{ missing: string[]; bytes: number }>;
  /** Delivers one pack, named by the sha256 of its bytes, which are valid until the promise settles. */
  putPack(sha256: string, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<void>;
}

export interface SendOptions {
  /** Where the files are, and what they are: sorted by path, as `readSource` tells. */
  root: string;
  entries: readonly TreeEntry[];
  /** The tree that the agent is thought to hold; then only the difference is told. */
  base?: readonly TreeEntry[] | undefined;
  agent: SourceSink;
  /** Told the bytes of delivered chunks, uncompressed, of all that are to be delivered. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  signal?: AbortSignal | undefined;
  pause?: Pause | undefined;
}

/** `sent.bytes` are bytes of accepted request bodies; `reused.bytes` are bytes of chunks that the agent had. */
export interface Sent {
  tree: string;
  sent: { chunks: number; bytes: number };
  reused: { chunks: number; bytes: number };
}

/**
 * Tells the agent the tree, then sends the chunks it lacks, four packs in flight.
 * @throws Fault source_changed, source_unreadable; interrupted; what the sink throws, after retries where that may help
 */
export async function sendSource(options: SendOptions): Promise<Sent> {
  const signal = options.signal ?? new AbortController().signal;
  const tree = treeId(options.entries);
  const { missing, bytes } = await negotiate(options, tree, signal);
  const chunks = chunksOf(options.entries);
  const wanted = pick(chunks, missing);
  const packed = await sendPacks(options, wanted, signal);
  const reused = total(chunks) - total(wanted);
  return { tree, sent: { chunks: wanted.size, bytes: bytes + packed }, reused: { chunks: chunks.size - wanted.size, bytes: reused } };
}

async function negotiate({ entries, base, agent, pause }: SendOptions, tree: string, signal: AbortSignal) {
  const ask = (upload: TreeUpload) => withRetries(() => agent.negotiate(upload, signal), signal, pause);
  const whole: TreeUpload = { tree, entries: [...entries] };
  if (base === undefined) return ask(whole);
  try {
    return await ask(difference(base, entries, tree));
  } catch (error) {
    if (error instanceof Fault && error.code === "tree_base_unknown") return ask(whole);
    throw error;
  }
}

function difference(base: readonly TreeEntry[], entries: readonly TreeEntry[], tree: string): TreeUpload {
  const id = treeId(base);
  if (id === tree) return { tree, base: id, removed: [], entries: [] };
  const { removed, changed } = diffTrees(base, entries);
  return { tree, base: id, removed, entries: changed };
}

function pick(chunks: ReadonlyMap<string, number>, missing: readonly string[]): Map<string, number> {
  const wanted = new Map<string, number>();
  for (const digest of missing) {
    const size = chunks.get(digest);
    if (size === undefined) throw new Fault("upload_failed", `the agent asks for the chunk ${digest}, which the source does not have`);
    wanted.set(digest, size);
  }
  return wanted;
}

function total(chunks: ReadonlyMap<string, number>): number {
  return chunks.values().reduce((sum, size) => sum + size, 0);
}

/* Resolves to the packs' bytes. The first failure stops what is in flight and waits for its end, so that nothing goes on unseen. */
async function sendPacks(options: SendOptions, wanted: ReadonlyMap<string, number>, outer: AbortSignal): Promise<number> {
  const stop = new AbortController();
  const signal = AbortSignal.any([outer, stop.signal]);
  const progress = { done: 0, total: total(wanted) };
  const inFlight = new Set<Promise<void>>();
  let bytes = 0;
  const deliver = async (pack: Pack) => {
    await withRetries(() => options.agent.putPack(pack.sha256, pack.bytes, signal), signal, options.pause);
    bytes += pack.bytes.length;
    release(pack.bytes);
    progress.done += pack.rawBytes;
    options.onProgress?.({ ...progress });
  };
  const fail = (error: unknown) => stop.abort(error);
  try {
    for await (const pack of packStream({ root: options.root, entries: options.entries, missing: wanted.keys(), signal })) {
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
      const delivery: Promise<void> = deliver(pack)
        .catch(fail)
        .finally(() => inFlight.delete(delivery));
      inFlight.add(delivery);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(inFlight);
  // Only the first reason sticks, so this is what went wrong and not what stopping it brought about.
  if (stop.signal.aborted) throw stop.signal.reason;
  return bytes;
}
