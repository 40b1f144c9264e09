import type { TreeEntry } from "../tree.ts";
import { createDigester, type DigestedFile } from "./digest.ts";
import { type WalkedEntry, type WalkedFile, walkSource } from "./walk.ts";

/** A directory as a tree. */
export interface ReadTree {
  /** Sorted by path. */
  entries: TreeEntry[];
  files: DigestedFile[];
  /** Bytes of all files. */
  bytes: number;
  /** Files that had to be read; the others were known. */
  hashed: number;
}

export interface ReadTreeOptions {
  root: string;
  /** The chunks of a file that need not be read again; asked in the order of paths. */
  lookUp?: (file: WalkedFile) => string[] | undefined;
  signal?: AbortSignal | undefined;
  /** Told how much of the source is read or known, in bytes; `total` is 0 while it is not known. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

/**
 * Walks the directory at `root` and digests its files.
 * @throws Fault source_*, tree_invalid or interrupted, as walkSource and the digester do
 */
export async function readTree({ root, lookUp, signal, onProgress }: ReadTreeOptions): Promise<ReadTree> {
  const walked = await walkSource(root, { signal });
  const progress = createProgress(walked, onProgress);
  const digest = createDigester(root, { signal, onRead: progress });
  const tree: ReadTree = { entries: [], files: [], bytes: 0, hashed: 0 };
  for (const entry of walked) {
    if (entry.kind !== "file") {
      tree.entries.push(entry);
      continue;
    }
    const known = lookUp?.(entry);
    const digested = known ? { file: entry, chunks: known } : await digest(entry.path);
    const { path, mode, size } = digested.file;
    if (known) progress(size);
    else tree.hashed += 1;
    tree.entries.push({ kind: "file", path, mode, size, chunks: digested.chunks });
    tree.bytes += size;
    tree.files.push(digested);
  }
  return tree;
}

function createProgress(walked: readonly WalkedEntry[], onProgress: ReadTreeOptions["onProgress"]): (bytes: number) => void {
  if (!onProgress) return () => {};
  const total = walked.reduce((sum, entry) => sum + (entry.kind === "file" ? entry.size : 0), 0);
  let done = 0;
  return (bytes) => {
    done += bytes;
    // A file may have grown since the walk.
    onProgress({ done, total: Math.max(done, total) });
  };
}
