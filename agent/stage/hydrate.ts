import {
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { Fault } from "#shared/fault";
import { sha256, unpackChunk } from "#shared/pack";
import { CHUNK_SIZE, checkTree, decodeTree, diffTrees, encodeTree, type FileEntry, type TreeEntry } from "#shared/tree";
import type { SourceOrder } from "./order.ts";

const PACKS_AT_ONCE = 4;
/** Below this share of a pack, only the wanted ranges are fetched. */
const WHOLE_PACK_SHARE = 0.5;

/** Reads an object, or the range of it that `headers` name, whole. */
export type Fetch = (url: string, headers?: Record<string, string>) => Promise<Uint8Array>;
export interface Hydrated {
  /** Files, links and folders that had to be written. */
  written: number;
  /** Bytes fetched from the store. */
  bytes: number;
}

/**
 * Makes `volume/source` the tree of the order, writing only what differs from the tree that `volume/state` says is
 * there. Interrupted work leaves no state, and the next run starts from an empty folder.
 * @throws Fault hydrate_failed, volume_full
 */
export async function hydrate(volume: string, order: SourceOrder, fetch: Fetch): Promise<Hydrated> {
  try {
    const text = await readTree(order, fetch);
    const wanted = decodeTree(text);
    checkTree(wanted);
    const present = readState(volume, wanted);
    const { removed, changed } = diffTrees(present, wanted);
    if (removed.length === 0 && changed.length === 0) return { written: 0, bytes: 0 };
    const root = join(volume, "source");
    rmSync(join(volume, "state"), { force: true });
    if (present.length === 0) emptyFolder(root);
    clearWay(root, present, removed, changed);
    const bytes = await write(root, changed, order, fetch);
    writeFileSync(join(volume, "state.new"), text);
    renameSync(join(volume, "state.new"), join(volume, "state"));
    return { written: changed.length, bytes };
  } catch (error) {
    throw asFault(error);
  }
}

async function readTree(order: SourceOrder, fetch: Fetch): Promise<string> {
  return zstdDecompressSync(await fetch(order.tree)).toString();
}

/** The tree that is on the volume, or nothing when that cannot be relied on: a crash of the node may have lost files that the state names. */
function readState(volume: string, wanted: readonly TreeEntry[]): TreeEntry[] {
  try {
    const text = readFileSync(join(volume, "state"), "utf8");
    const present = decodeTree(text);
    if (text !== encodeTree(wanted) && !present.every((entry) => isThere(join(volume, "source"), entry))) return [];
    return present;
  } catch {
    return [];
  }
}

function isThere(root: string, entry: TreeEntry): boolean {
  const found = lstatSync(join(root, entry.path), { throwIfNoEntry: false });
  if (!found) return false;
  if (entry.kind === "file") return found.isFile() && found.size === entry.size;
  return entry.kind === "symlink" ? found.isSymbolicLink() : found.isDirectory();
}

function emptyFolder(root: string): void {
  mkdirSync(root, { recursive: true });
  for (const entry of readdirSync(root)) rmSync(join(root, entry), { recursive: true, force: true });
}

/** Takes away what is no longer wanted or will be written anew, and the folders that this leaves empty. */
function clearWay(root: string, present: readonly TreeEntry[], removed: readonly string[], changed: readonly TreeEntry[]): void {
  const before = new Set(present.map((entry) => entry.path));
  const gone = [...removed, ...changed.filter((entry) => before.has(entry.path)).map((entry) => entry.path)];
  for (const path of gone) rmSync(join(root, path), { recursive: true, force: true });
  for (const path of removed) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      if (!isEmpty(join(root, folder))) break;
      rmSync(join(root, folder), { recursive: true, force: true });
    }
  }
}

function isEmpty(folder: string): boolean {
  try {
    const left: (string | Dirent)[] = readdirSync(folder);
    return left.length === 0;
  } catch {
    return false;
  }
}

async function write(root: string, changed: readonly TreeEntry[], order: SourceOrder, fetch: Fetch): Promise<number> {
  const places = new Map<string, { file: FileEntry; index: number }[]>();
  let folder = "";
  for (const entry of changed) {
    // Sorted by path, so a folder's entries come one after the other but for its subfolders.
    if (folder !== dirname(entry.path)) {
      folder = dirname(entry.path);
      mkdirSync(join(root, folder), { recursive: true });
    }
    if (entry.kind === "directory") mkdirSync(join(root, entry.path), { recursive: true });
    else if (entry.kind === "symlink") symlinkSync(entry.target, join(root, entry.path));
    else if (entry.chunks.length === 0) writeFileSync(join(root, entry.path), "", { flag: "wx", mode: entry.mode });
    else {
      for (const [index, chunk] of entry.chunks.entries()) {
        const list = places.get(chunk) ?? [];
        list.push({ file: entry, index });
        places.set(chunk, list);
      }
    }
  }
  let bytes = 0;
  const packs = order.packs
    .map((pack) => ({ ...pack, chunks: pack.chunks.filter(([digest]) => places.has(digest)) }))
    .filter((pack) => pack.chunks.length > 0);
  const next = packs.values();
  const worker = async () => {
    for (const pack of next) {
      for await (const { digest, stored, size } of readChunks(pack, fetch)) {
        bytes += stored.length;
        const raw = unpackChunk(stored, size);
        if (sha256(raw) !== digest) throw new Fault("hydrate_failed", "a chunk in the store does not have the digest it is named by");
        for (const place of places.get(digest) ?? []) writeChunk(root, place.file, place.index, raw);
        places.delete(digest);
      }
    }
  };
  // All have ended before one's failure is told: a straggler would write into the tree of the next order.
  const ended = await Promise.allSettled(Array.from({ length: PACKS_AT_ONCE }, worker));
  const failed = ended.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  if (places.size > 0) throw new Fault("hydrate_failed", `${places.size} chunks of the tree are not in the store`);
  return bytes;
}

interface StoredChunk {
  digest: string;
  stored: Uint8Array;
  size: number;
}

async function* readChunks(pack: SourceOrder["packs"][number], fetch: Fetch): AsyncGenerator<StoredChunk> {
  const chunks = pack.chunks.toSorted((a, b) => a[1] - b[1]);
  const wanted = chunks.reduce((sum, [, , stored]) => sum + stored, 0);
  const last = chunks.at(-1);
  const end = last ? last[1] + last[2] : 0;
  const runs = wanted >= end * WHOLE_PACK_SHARE ? [chunks] : chunks.map((chunk) => [chunk]);
  for (const run of runs) {
    const from = run[0]?.[1] ?? 0;
    const to = (run.at(-1)?.[1] ?? 0) + (run.at(-1)?.[2] ?? 0);
    const bytes = await fetch(pack.url, { range: `bytes=${from}-${to - 1}` });
    for (const [digest, offset, stored, size] of run) yield { digest, stored: bytes.subarray(offset - from, offset - from + stored), size };
  }
}

function writeChunk(root: string, file: FileEntry, index: number, raw: Uint8Array): void {
  const path = join(root, file.path);
  // Never through a link: the tree was cleared of what stood in the way.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = openSync(path, flags, file.mode);
  try {
    for (let done = 0; done < raw.length; ) done += writeSync(handle, raw, done, raw.length - done, index * CHUNK_SIZE + done);
  } finally {
    closeSync(handle);
  }
}

function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === "ENOSPC" || code === "EDQUOT") return new Fault("volume_full", "the app's staging volume is full", { cause: error });
  return new Fault("hydrate_failed", `the source could not be written to the app's volume: ${message}`, { cause: error });
}
