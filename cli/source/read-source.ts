import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { TreeEntry } from "#shared/tree";
import { createDigester, type DigestedFile } from "./digest.ts";
import { createLookUp, loadStatCache, saveStatCache } from "./stat-cache.ts";
import { type WalkedEntry, walkSource } from "./walk.ts";

/** A directory as a tree, ready to be sent. */
export interface ReadSource {
  /** Absolute path, free of links. */
  root: string;
  /** Sorted by path. */
  entries: TreeEntry[];
  files: number;
  /** Bytes of all files. */
  bytes: number;
  /** Files that had to be read; the others were known by their stat. */
  hashed: number;
}

export interface ReadOptions {
  path: string;
  /** The user's cache folder; what davit keeps in it may be deleted at any time. */
  cacheDir: string;
  signal?: AbortSignal | undefined;
  /** Told how much of the source is read or known, in bytes. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  /** When the reading begins, in ms since the epoch; the present, unless a test says otherwise. */
  now?: number;
}

/**
 * Walks the directory at `path` and digests what the stat cache does not know.
 * @throws Fault source_*, tree_invalid or interrupted, as walkSource and the digester do
 */
export async function readSource(options: ReadOptions): Promise<ReadSource> {
  const { cacheDir, signal, now = Date.now() } = options;
  const root = withoutLinks(resolve(options.path));
  const walked = await walkSource(root, { signal });
  const cache = loadStatCache(cacheDir, root);
  const lookUp = createLookUp(cache);
  const progress = createProgress(walked, options.onProgress);
  const digest = createDigester(root, { signal, onRead: progress });
  const source: ReadSource = { root, entries: [], files: 0, bytes: 0, hashed: 0 };
  const files: DigestedFile[] = [];
  for (const entry of walked) {
    if (entry.kind !== "file") {
      source.entries.push(entry);
      continue;
    }
    const known = lookUp(entry);
    const digested = known ? { file: entry, chunks: known } : await digest(entry.path);
    const { path, mode, size } = digested.file;
    if (known) progress(size);
    else source.hashed += 1;
    source.entries.push({ kind: "file", path, mode, size, chunks: digested.chunks });
    source.bytes += size;
    files.push(digested);
  }
  source.files = files.length;
  if (source.hashed > 0 || files.length !== cache.paths.length) saveStatCache(cacheDir, root, now, files);
  return source;
}

/* What is not there is the walk's to complain about. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function createProgress(walked: readonly WalkedEntry[], onProgress: ReadOptions["onProgress"]): (bytes: number) => void {
  if (!onProgress) return () => {};
  const total = walked.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0);
  let done = 0;
  return (bytes) => {
    done += bytes;
    // A file may have grown since the walk.
    onProgress({ done, total: Math.max(done, total) });
  };
}
