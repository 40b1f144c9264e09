import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { type ReadTreeOptions, readTree } from "#shared/source/read-tree";
import type { TreeEntry } from "#shared/tree";
import { createLookUp, loadStatCache, saveStatCache } from "./stat-cache.ts";

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

export interface ReadOptions extends Pick<ReadTreeOptions, "signal" | "onProgress"> {
  path: string;
  /** The user's cache folder; what davit keeps in it may be deleted at any time. */
  cacheDir: string;
  /** When the reading begins, in ms since the epoch; the present, unless a test says otherwise. */
  now?: number;
}

/**
 * Walks the directory at `path` and digests what the stat cache does not know.
 * @throws Fault source_*, tree_invalid or interrupted, as readTree does
 */
export async function readSource({ path, cacheDir, now = Date.now(), ...reading }: ReadOptions): Promise<ReadSource> {
  const root = withoutLinks(resolve(path));
  const cache = loadStatCache(cacheDir, root);
  const { files, ...tree } = await readTree({ ...reading, root, lookUp: createLookUp(cache) });
  if (tree.hashed > 0 || files.length !== cache.paths.length) saveStatCache(cacheDir, root, now, files);
  return { ...tree, root, files: files.length };
}

/* What is not there is the walk's to complain about. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
