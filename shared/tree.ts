import { z } from "zod";
import { Sha256 } from "./app.ts";
import { Fault } from "./fault.ts";

/** Bytes of one chunk at most; a larger file is cut every so many bytes. */
export const CHUNK_SIZE = 4 * 1024 * 1024;
/** Entries of one tree at most. */
export const MAX_ENTRIES = 200_000;

const Path = z.string().min(1).max(4096);

/**
 * One thing of a source. Paths are relative, `/`-separated and normalised; `mode` is 0o644 or 0o755, as git keeps it,
 * so that a tree has one id on every machine; a `directory` is listed only when nothing is in it.
 */
export const TreeEntry = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("file"),
    path: Path,
    mode: z.union([z.literal(0o644), z.literal(0o755)]),
    size: z.number().int().min(0),
    chunks: z.array(Sha256),
  }),
  z.object({ kind: z.literal("symlink"), path: Path, target: z.string().min(1).max(4096) }),
  z.object({ kind: z.literal("directory"), path: Path }),
]);
export type TreeEntry = z.infer<typeof TreeEntry>;
export type FileEntry = Extract<TreeEntry, { kind: "file" }>;

/**
 * A tree on its way to the agent: whole, or as the difference to a tree that the agent is thought to hold.
 * `tree` is the id that the result must have, so that a wrong base is noticed.
 */
export const TreeUpload = z.object({
  tree: Sha256,
  base: Sha256.optional(),
  removed: z.array(Path).max(MAX_ENTRIES).optional(),
  entries: z.array(TreeEntry).max(MAX_ENTRIES),
});
export type TreeUpload = z.infer<typeof TreeUpload>;

/** Order of paths in a tree: by UTF-16 code unit, which every JavaScript sort does by default. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** The one text of a tree: a JSON line an entry, sorted by path. Its sha256 is the tree's id. */
export function encodeTree(entries: readonly TreeEntry[]): string {
  return entries.map(encodeEntry).join("\n");
}

function encodeEntry(entry: TreeEntry): string {
  switch (entry.kind) {
    case "file":
      return JSON.stringify(["f", entry.path, entry.mode, entry.size, ...entry.chunks]);
    case "symlink":
      return JSON.stringify(["l", entry.path, entry.target]);
    case "directory":
      return JSON.stringify(["d", entry.path]);
  }
}

/** The inverse of {@link encodeTree}, for texts that davit itself stored. */
export function decodeTree(text: string): TreeEntry[] {
  if (text === "") return [];
  return text.split("\n").map((line) => {
    const [kind, path, a, b, ...chunks] = JSON.parse(line);
    if (kind === "f") return { kind: "file", path, mode: a, size: b, chunks };
    return kind === "l" ? { kind: "symlink", path, target: a } : { kind: "directory", path };
  });
}

/** sha256 of the tree's text, in hex. */
export function treeId(entries: readonly TreeEntry[]): string {
  return new Bun.CryptoHasher("sha256").update(encodeTree(entries)).digest("hex");
}

/** What changed from `base` to `wanted`, both sorted by path. */
export function diffTrees(base: readonly TreeEntry[], wanted: readonly TreeEntry[]): { removed: string[]; changed: TreeEntry[] } {
  const before = new Map(base.map((entry) => [entry.path, encodeEntry(entry)]));
  const changed = wanted.filter((entry) => before.get(entry.path) !== encodeEntry(entry));
  for (const entry of wanted) before.delete(entry.path);
  return { removed: [...before.keys()], changed };
}

/** The tree that `upload` describes on top of `base`, sorted. */
export function applyDiff(base: readonly TreeEntry[], removed: readonly string[], changed: readonly TreeEntry[]): TreeEntry[] {
  const byName = new Map(base.map((entry) => [entry.path, entry]));
  for (const path of removed) byName.delete(path);
  for (const entry of changed) byName.set(entry.path, entry);
  return [...byName.values()].sort(byPath);
}

/** Every chunk of the tree once, with its size in bytes. */
export function chunksOf(entries: readonly TreeEntry[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== "file") continue;
    entry.chunks.forEach((chunk, index) => {
      sizes.set(chunk, chunkLength(entry.size, index));
    });
  }
  return sizes;
}

/** Bytes of the chunk at `index` of a file of `size` bytes. */
export function chunkLength(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

/**
 * Refuses a tree that could not have come from a directory: unsorted or duplicate paths, `..`, absolute paths, a file
 * that is also a folder, a link out of the tree, sizes that do not fit the chunks.
 * @throws Fault tree_invalid naming the first offending path
 */
export function checkTree(entries: readonly TreeEntry[]): void {
  if (entries.length === 0) throw new Fault("tree_invalid", "the tree is empty");
  const leaves = new Set<string>();
  let previous = "";
  for (const entry of entries) {
    checkPath(entry.path);
    if (entry.path <= previous) throw invalid(entry.path, leaves.has(entry.path) ? "is there twice" : "is not in order");
    if (entry.kind === "file") checkFile(entry);
    if (entry.kind === "symlink" && leavesTree(entry.path, entry.target)) throw invalid(entry.path, "links out of the tree");
    leaves.add(entry.path);
    previous = entry.path;
  }
  for (const entry of entries) {
    for (let cut = entry.path.lastIndexOf("/"); cut > 0; cut = entry.path.lastIndexOf("/", cut - 1)) {
      if (leaves.has(entry.path.slice(0, cut))) throw invalid(entry.path, "lies below something that is no directory");
    }
  }
}

function checkPath(path: string): void {
  if (path.startsWith("/")) throw invalid(path, "is absolute");
  if (path.includes("\0")) throw invalid(path, "has a NUL byte");
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") throw invalid(path, `has a part '${part}'`);
    if (Buffer.byteLength(part) > 255) throw invalid(path, "has a part of over 255 bytes");
  }
}

function checkFile(entry: FileEntry): void {
  const needed = Math.ceil(entry.size / CHUNK_SIZE);
  if (entry.chunks.length !== needed) throw invalid(entry.path, `has ${entry.chunks.length} chunks, its size needs ${needed}`);
}

/** Whether a link at `path` leads outside its tree; absolute targets do. */
export function leavesTree(path: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

function invalid(path: string, why: string): Fault {
  return new Fault("tree_invalid", `the tree is not valid: ${JSON.stringify(path)} ${why}`, { details: { path } });
}
