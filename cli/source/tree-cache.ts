import { readFileSync } from "node:fs";
import { sha256 } from "#shared/pack";
import { decodeTree, encodeTree, type TreeEntry } from "#shared/tree";
import { cacheFile, writeCache } from "./cache-file.ts";

/** Whose tree it is: the same app may live on several servers and in several namespaces. */
export interface TreeKey {
  server: string;
  namespace: string;
  app: string;
}

/** The tree that was last pushed for `key`, sorted by path; undefined when there is none or it is damaged. */
export function loadBase(cacheDir: string, key: TreeKey): TreeEntry[] | undefined {
  try {
    const text = Buffer.from(Bun.zstdDecompressSync(readFileSync(fileOf(cacheDir, key)))).toString("utf8");
    const end = text.indexOf("\n");
    const tree = text.slice(end + 1);
    return text.slice(0, end) === sha256(tree) ? decodeTree(tree) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps `entries` (sorted by path) as what was last pushed for `key`; false when that is not possible. */
export function saveBase(cacheDir: string, key: TreeKey, entries: readonly TreeEntry[]): boolean {
  const tree = encodeTree(entries);
  return writeCache(fileOf(cacheDir, key), Bun.zstdCompressSync(`${sha256(tree)}\n${tree}`, { level: 3 }));
}

function fileOf(cacheDir: string, key: TreeKey): string {
  return cacheFile(cacheDir, "trees", JSON.stringify([key.server, key.namespace, key.app]));
}
