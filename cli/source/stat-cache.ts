import { readFileSync } from "node:fs";
import type { DigestedFile } from "#shared/source/digest";
import type { WalkedFile } from "#shared/source/walk";
import { CHUNK_SIZE } from "#shared/tree";
import { cacheFile, writeCache } from "./cache-file.ts";

/*
 * One file per source root, all numbers little-endian:
 *   magic (8 bytes), xxhash64 of all that follows (u64), time of writing in ms (f64), files (u32), chunks (u32),
 *   per file mtime ms, ctime ms, size, inode (f64 each), per chunk 32 bytes of sha256, then text: root, paths (NUL between).
 * Loading it is a few bulk conversions and no parsing, and the paths are in the walk's order, so looking up is a merge.
 */
const MAGIC = "davitsc1";
const HEADER = 32;
const STAMP = 4;
const HEX = 64;

/** What is known of a source from the last time, column by column; to be used through {@link createLookUp}. */
export interface StatCache {
  /** When the reading that filled it began, in ms since the epoch. */
  readonly at: number;
  /** Sorted. */
  readonly paths: readonly string[];
  readonly stamps: Float64Array;
  /** All digests in hex, one after the other. */
  readonly digests: string;
}

/** Finer time stamps than these are not told apart by file systems: 10 ms ticks commonly, 2 s where only whole seconds are kept. */
const TICK_MS = 20;
const COARSE_TICK_MS = 2000;

/** The cached source, or an empty one when there is none, or it is damaged, or belongs to another root. */
export function loadStatCache(cacheDir: string, root: string): StatCache {
  try {
    return decode(readFileSync(cacheFile(cacheDir, "sources", root)), root);
  } catch {
    return { at: 0, paths: [], stamps: new Float64Array(), digests: "" };
  }
}

/**
 * Keeps `files` (sorted by path) for the next time; false when that is not possible.
 * @param at when the reading of the files began, in ms since the epoch
 */
export function saveStatCache(cacheDir: string, root: string, at: number, files: readonly DigestedFile[]): boolean {
  return writeCache(cacheFile(cacheDir, "sources", root), encode(root, at, files));
}

/** The digests of a file when it is surely the one that was read, else undefined. To be called in the order of paths. */
export type LookUp = (file: WalkedFile) => string[] | undefined;

export function createLookUp({ at, paths, stamps, digests }: StatCache): LookUp {
  let row = 0;
  let digest = 0;
  return (file) => {
    for (let path = paths[row]; path !== undefined && path !== file.path && path < file.path; path = paths[++row]) {
      digest += chunkCount(stamps[row * STAMP + 2] ?? 0) * HEX;
    }
    if (paths[row] !== file.path || !isSame(stamps, row * STAMP, file) || !isSettled(file, at)) return undefined;
    const chunks: string[] = [];
    const end = digest + chunkCount(file.size) * HEX;
    for (let next = digest; next < end; next += HEX) chunks.push(digests.slice(next, next + HEX));
    return chunks;
  };
}

function isSame(stamps: Float64Array, at: number, file: WalkedFile): boolean {
  return stamps[at] === file.mtimeMs && stamps[at + 1] === file.ctimeMs && stamps[at + 2] === file.size && stamps[at + 3] === file.ino;
}

/*
 * git's racy-clean rule: what changed in the very tick in which it was read looks the same before and after, so only
 * files that were last touched clearly before the reading began can be known by their stat.
 */
function isSettled(file: WalkedFile, readAt: number): boolean {
  const touched = Math.max(file.mtimeMs, file.ctimeMs);
  return touched + (touched % 1000 === 0 ? COARSE_TICK_MS : TICK_MS) < readAt;
}

function chunkCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

function encode(root: string, at: number, files: readonly DigestedFile[]): Uint8Array {
  const digests = Buffer.from(files.map(({ chunks }) => chunks.join("")).join(""), "hex");
  const text = Buffer.from([root, ...files.map(({ file }) => file.path)].join("\0"));
  const stamps = new Float64Array(files.flatMap(({ file }) => [file.mtimeMs, file.ctimeMs, file.size, file.ino]));
  const bytes = Buffer.concat([Buffer.alloc(HEADER), new Uint8Array(stamps.buffer), digests, text]);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeDoubleLE(at, 16);
  bytes.writeUInt32LE(files.length, 24);
  bytes.writeUInt32LE(digests.length / (HEX / 2), 28);
  bytes.writeBigUInt64LE(Bun.hash.xxHash64(bytes.subarray(16)), 8);
  return bytes;
}

function decode(bytes: Buffer, root: string): StatCache {
  if (bytes.toString("latin1", 0, 8) !== MAGIC || bytes.readBigUInt64LE(8) !== Bun.hash.xxHash64(bytes.subarray(16))) throw damaged();
  const digestsAt = HEADER + bytes.readUInt32LE(24) * STAMP * 8;
  const textAt = digestsAt + bytes.readUInt32LE(28) * (HEX / 2);
  const [owner, ...paths] = bytes.toString("utf8", textAt).split("\0");
  if (owner !== root) throw damaged();
  const stamps = new Float64Array(bytes.buffer.slice(bytes.byteOffset + HEADER, bytes.byteOffset + digestsAt));
  return { at: bytes.readDoubleLE(16), paths, stamps, digests: bytes.toString("hex", digestsAt, textAt) };
}

function damaged(): Error {
  return new Error("not a stat cache of this source");
}
