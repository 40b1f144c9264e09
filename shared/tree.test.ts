import { expect, test } from "bun:test";
import { applyDiff, byPath, CHUNK_SIZE, checkTree, decodeTree, diffTrees, encodeTree, type TreeEntry, treeId } from "./tree.ts";

const digest = "a".repeat(64);
const file = (path: string, size = 1, chunks = [digest]): TreeEntry => ({ kind: "file", path, mode: 0o644, size, chunks });
const link = (path: string, target: string): TreeEntry => ({ kind: "symlink", path, target });
const sorted = (...entries: TreeEntry[]) => entries.sort(byPath);

test("a tree's text gives the tree back, whatever its names", () => {
  const entries = sorted(file("a\nb"), file('q"uote'), link("l", "a\nb"), { kind: "directory", path: "empty" }, file("zero", 0, []), file("ü/ß"));
  expect(decodeTree(encodeTree(entries))).toEqual(entries);
  expect(decodeTree(encodeTree([]))).toEqual([]);
});

test("the id changes with every part of an entry", () => {
  const ids = [
    file("a"),
    file("b"),
    file("a", 2),
    file("a", 1, ["b".repeat(64)]),
    { ...file("a"), mode: 0o755 } as TreeEntry,
    link("a", "x"),
    link("a", "y"),
  ].map((entry) => treeId([entry]));
  expect(new Set(ids).size).toBe(ids.length);
});

test("a difference applied to its base gives the wanted tree", () => {
  const base = sorted(file("a"), file("b"), file("d/e"));
  const wanted = sorted(file("a"), file("b", 2), file("c"), link("d", "a"));
  const { removed, changed } = diffTrees(base, wanted);
  expect(removed).toEqual(["d/e"]);
  expect(changed.map((entry) => entry.path)).toEqual(["b", "c", "d"]);
  expect(applyDiff(base, removed, changed)).toEqual(wanted);
});

test("a tree that no directory can give is refused", () => {
  const cases: [string, TreeEntry[]][] = [
    ["empty", []],
    ["'..'", [file("a/../b")]],
    ["absolute", [file("/etc/passwd")]],
    ["''", [file("a//b")]],
    ["twice", [file("a"), file("a")]],
    ["not in order", [file("b"), file("a")]],
    ["NUL", [file("a\0b")]],
    ["255", [file("x".repeat(256))]],
    ["no directory", sorted(file("a"), file("a/b"))],
    ["no directory", sorted(link("a", "b"), file("a/b/c"))],
    ["links out", [link("a", "../b")]],
    ["links out", [link("a", "/etc")]],
    ["links out", [link("a/b", "../../c")]],
    ["chunks", [file("a", CHUNK_SIZE + 1)]],
    ["chunks", [file("a", 0)]],
  ];
  for (const [why, entries] of cases) expect(() => checkTree(entries), why).toThrow(why);
  expect(() => checkTree(sorted(link("a/b", "../c"), file("c"), file("x".repeat(255))))).not.toThrow();
});
