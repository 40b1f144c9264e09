import { PACK_HEADER, PACK_SIZE, type PackedChunk, sha256 } from "#shared/pack";
import { chunksOf } from "#shared/tree";
import type { Deps } from "../deps.ts";
import { decodeIndex, encodeIndex } from "../store/chunk-index.ts";
import { keys } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { StoredPacks } from "./inventory.ts";
import { type PackVerdict, packJudge, type TenantVerdicts } from "./policy.ts";

const INDEXES_AT_ONCE = 16;
/** Packs that are moved while pushes of the tenant wait; the rest is for the next time. */
const MOVED_AT_ONCE = 24;

/** Every pack of the tenant, judged. `more`: some were left out that would have to be moved. */
export async function judgePacks(
  { store, sources }: Deps,
  uid: string,
  stored: StoredPacks,
  { trees, read }: Pick<TenantVerdicts, "trees" | "read">,
): Promise<{ verdicts: PackVerdict[]; more: boolean }> {
  const [live, being] = [new Set<string>(), new Set<string>()];
  for (const { of, keep } of trees) {
    if (!keep) continue;
    for (const chunk of chunksOf(await sources.read(uid, of.id)).keys()) {
      live.add(chunk);
      if (read.has(of.id)) being.add(chunk);
    }
  }
  const judge = packJudge(live, being);
  const verdicts: PackVerdict[] = [];
  let moved = 0;
  for await (const { id, chunks } of readIndexes(store, uid, new Set([...stored.packs.keys(), ...stored.indexes.keys()]))) {
    const verdict = judge({ id, bytes: stored.packs.get(id) ?? 0, chunks: stored.packs.has(id) ? chunks : [] });
    if (verdict.move.length > 0 && ++moved > MOVED_AT_ONCE) continue;
    verdicts.push(verdict);
  }
  return { verdicts, more: moved > MOVED_AT_ONCE };
}

async function* readIndexes(store: ObjectStore, uid: string, ids: ReadonlySet<string>): AsyncGenerator<{ id: string; chunks: PackedChunk[] }> {
  const rest = [...ids].sort();
  while (rest.length > 0) {
    const some = rest.splice(0, INDEXES_AT_ONCE);
    const indexes = await Promise.all(some.map((id) => store.get(keys.packIndex(uid, id))));
    for (const [position, id] of some.entries()) yield { id, chunks: indexes[position] ? decodeIndex(indexes[position]) : [] };
  }
}

/**
 * Takes packs away. Chunks that are needed are in their new pack, with its index, before the old one goes; an index goes
 * before its pack. So wherever this ends, every chunk that is needed is found.
 */
export async function removePacks({ store, sources }: Deps, uid: string, verdicts: readonly PackVerdict[]): Promise<void> {
  const gone = verdicts.filter(({ keep }) => !keep);
  if (gone.length === 0) return;
  try {
    const made = await moveChunks(store, uid, gone);
    // What was moved may make up just the pack that one of the old ones is.
    const old = gone.map(({ of }) => of.id).filter((id) => !made.has(id));
    await store.remove(old.map((id) => keys.packIndex(uid, id)));
    await store.remove(old.map((id) => keys.pack(uid, id)));
  } finally {
    // At the end: who only reads does not wait, and may have read what was there in between.
    sources.forget(uid);
  }
}

/** The packs that were made. */
async function moveChunks(store: ObjectStore, uid: string, gone: readonly PackVerdict[]): Promise<Set<string>> {
  const made = new Set<string>();
  let frames: Frame[] = [];
  let bytes = 0;
  const write = async () => {
    if (frames.length > 0) made.add(await writePack(store, uid, frames));
    [frames, bytes] = [[], 0];
  };
  for (const { of, move } of gone) {
    if (move.length === 0) continue;
    const pack = await store.get(keys.pack(uid, of.id));
    if (!pack) throw new Error(`the pack ${of.id} vanished while it was moved`);
    const wanted = new Set(move);
    for (const chunk of of.chunks) {
      if (!wanted.delete(chunk.digest)) continue;
      const frame = pack.slice(chunk.offset - PACK_HEADER, chunk.offset + chunk.stored);
      if (bytes + frame.length > PACK_SIZE) await write();
      frames.push({ chunk, frame });
      bytes += frame.length;
    }
  }
  await write();
  return made;
}

/** A chunk as it stands in the pack that it comes from. */
interface Frame {
  chunk: PackedChunk;
  frame: Uint8Array;
}

async function writePack(store: ObjectStore, uid: string, frames: readonly Frame[]): Promise<string> {
  const pack = Buffer.concat(frames.map(({ frame }) => frame));
  const name = sha256(pack);
  let at = 0;
  const chunks = frames.map(({ chunk, frame }) => {
    const moved = { ...chunk, offset: at + PACK_HEADER };
    at += frame.length;
    return moved;
  });
  await store.put(keys.pack(uid, name), pack);
  await store.put(keys.packIndex(uid, name), encodeIndex(chunks));
  return name;
}
