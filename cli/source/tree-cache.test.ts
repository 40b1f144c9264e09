import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "#shared/source/testing/temp-tree";
import type { TreeEntry } from "#shared/tree";
import { loadBase, saveBase } from "./tree-cache.ts";

const KEY = { server: "https://davit.example.com", namespace: "team", app: "shop" };
const ENTRIES: TreeEntry[] = [
  { kind: "file", path: "a\nb", mode: 0o755, size: 1, chunks: ["0".repeat(64)] },
  { kind: "symlink", path: "l", target: "a\nb" },
  { kind: "directory", path: "tmp" },
];

describe("the tree of the last push", () => {
  test("comes back as it was", () => {
    using cache = tempTree();
    expect(loadBase(cache.path, KEY)).toBeUndefined();
    expect(saveBase(cache.path, KEY, ENTRIES)).toBe(true);
    expect(loadBase(cache.path, KEY)).toEqual(ENTRIES);
  });

  test("belongs to one app on one server", () => {
    using cache = tempTree();
    saveBase(cache.path, KEY, ENTRIES);
    expect(loadBase(cache.path, { ...KEY, app: "other" })).toBeUndefined();
    expect(loadBase(cache.path, { ...KEY, namespace: "other" })).toBeUndefined();
    expect(loadBase(cache.path, { ...KEY, server: "https://other" })).toBeUndefined();
  });

  test("is absent when it is damaged", () => {
    using cache = tempTree();
    saveBase(cache.path, KEY, ENTRIES);
    const file = join(cache.path, "trees", readdirSync(join(cache.path, "trees"))[0] ?? "");
    const good = readFileSync(file);
    for (let at = 0; at < good.length; at++) {
      writeFileSync(file, Buffer.from(good).fill((good[at] ?? 0) ^ 1, at, at + 1));
      expect([undefined, ENTRIES]).toContainEqual(loadBase(cache.path, KEY));
    }
    writeFileSync(file, Bun.zstdCompressSync("0\n[]"));
    expect(loadBase(cache.path, KEY)).toBeUndefined();
  });
});
