import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DigestedFile } from "#shared/source/digest";
import { tempTree } from "#shared/source/testing/temp-tree";
import type { WalkedFile } from "#shared/source/walk";
import { CHUNK_SIZE } from "#shared/tree";
import { createLookUp, loadStatCache, saveStatCache } from "./stat-cache.ts";

const AT = 2_000_000;
const digest = (index: number) => String(index % 10).repeat(64);
const known = (path: string, over: Partial<WalkedFile> = {}): DigestedFile => {
  const size = over.size ?? 5;
  const chunks = Array.from({ length: Math.ceil(size / CHUNK_SIZE) }, (_, index) => digest(path.length + index));
  return { file: { kind: "file", path, mode: 0o644, size, mtimeMs: 1000.25, ctimeMs: 1000.5, ino: 7, ...over }, chunks };
};
const FILES = [known("a"), known("b/new\nline", { size: 0 }), known("c/long", { size: 3 * CHUNK_SIZE }), known("d", { ino: 2 ** 52 }), known("é")];

/* What is found for `files` after a round through the disk. */
function found(files: readonly DigestedFile[], stored = FILES, at = AT): (string[] | undefined)[] {
  using cache = tempTree();
  expect(saveStatCache(cache.path, "/root", at, stored)).toBe(true);
  const lookUp = createLookUp(loadStatCache(cache.path, "/root"));
  return files.map(({ file }) => lookUp(file));
}

describe("the stat cache", () => {
  test("knows what it was told", () => {
    expect(found(FILES)).toEqual(FILES.map((file) => file.chunks));
  });

  test("knows the rest when files come and go", () => {
    const files = [known("0"), known("a"), known("c/long", { size: 3 * CHUNK_SIZE }), known("cc"), known("é"), known("ü")];
    expect(found(files)).toEqual([undefined, known("a").chunks, FILES[2]?.chunks, undefined, known("é").chunks, undefined]);
  });

  test.each<[string, Partial<WalkedFile>]>([
    ["size", { size: 6 }],
    ["mtime", { mtimeMs: 1000.5 }],
    ["ctime", { ctimeMs: 1000.75 }],
    ["inode", { ino: 8 }],
  ])("does not know a file of another %s", (_, over) => {
    expect(found([known("a", over)])).toEqual([undefined]);
  });

  test("does not trust what was touched when it was being read, or after", () => {
    const young = (over: Partial<WalkedFile>) => found([known("a", over)], [known("a", over)])[0];
    expect(young({ mtimeMs: AT - 19.5 })).toBeUndefined();
    expect(young({ ctimeMs: AT - 19.5 })).toBeUndefined();
    expect(young({ mtimeMs: AT + 5000 })).toBeUndefined();
    expect(young({ mtimeMs: AT - 20.5 })).toBeDefined();
    // A whole second smells of a file system that keeps no more.
    expect(young({ mtimeMs: AT - 2000 })).toBeUndefined();
    expect(young({ mtimeMs: AT - 3000 })).toBeDefined();
  });

  test("of no files", () => {
    expect(found([known("a")], [])).toEqual([undefined]);
  });
});

describe("a cache file that is no such thing", () => {
  const store = () => {
    const cache = tempTree();
    saveStatCache(cache.path, "/root", AT, FILES);
    const [name = ""] = readdirSync(join(cache.path, "sources"));
    return { cache, file: join(cache.path, "sources", name) };
  };

  test("is an empty cache, wherever it is damaged", () => {
    const { cache, file } = store();
    using _ = cache;
    const good = readFileSync(file);
    for (let at = 0; at < good.length; at++) {
      writeFileSync(file, Buffer.from(good).fill(good[at] === 0x5a ? 0x5b : 0x5a, at, at + 1));
      expect(loadStatCache(cache.path, "/root").paths).toEqual([]);
    }
    for (const length of [0, 7, 31, 32, good.length - 1]) {
      writeFileSync(file, good.subarray(0, length));
      expect(loadStatCache(cache.path, "/root").paths).toEqual([]);
    }
  });

  test("is an empty cache when it belongs to another source", () => {
    const { cache, file } = store();
    using _ = cache;
    saveStatCache(cache.path, "/other", AT, FILES);
    const other = readdirSync(join(cache.path, "sources")).map((name) => join(cache.path, "sources", name));
    writeFileSync(file, readFileSync(other.find((name) => name !== file) ?? ""));
    expect(loadStatCache(cache.path, "/root").paths).toEqual([]);
  });

  test("is an empty cache when there is none, and cannot be one below a file", () => {
    using cache = tempTree(["file"]);
    expect(loadStatCache(cache.path, "/root").paths).toEqual([]);
    expect(saveStatCache(join(cache.path, "file"), "/root", AT, FILES)).toBe(false);
  });

  test("leaves no drafts behind", () => {
    const { cache } = store();
    using _ = cache;
    saveStatCache(cache.path, "/root", AT, FILES);
    expect(readdirSync(join(cache.path, "sources"))).toHaveLength(1);
  });
});
