import { expect, test } from "bun:test";
import { cacheKey, components, sourcesOf } from "./components.ts";

const [first, second] = components;
if (!first || !second) throw new Error("no components");
const files = [
  { path: "go.mod", text: "module m" },
  { path: "go.sum", text: "sums" },
];

test("the key is the same for the same sources, in whatever order they are read", () => {
  expect(cacheKey(first, files, "x64")).toBe(cacheKey(first, files.toReversed(), "x64"));
});

test("the key changes with a source, the package and the architecture", () => {
  const changed = [{ path: "go.mod", text: "module other" }, ...files.slice(1)];
  const keys = [cacheKey(first, files, "x64"), cacheKey(first, changed, "x64"), cacheKey(second, files, "x64"), cacheKey(first, files, "arm64")];
  expect(new Set(keys).size).toBe(keys.length);
});

test("every component's sources are in the tree", async () => {
  const paths = components.flatMap(sourcesOf);
  const present = await Promise.all(paths.map((path) => Bun.file(`${import.meta.dir}/${path}`).exists()));
  expect(paths.filter((_, index) => !present[index])).toEqual([]);
});

test("no two components share a command's name", () => {
  const names = components.flatMap((component) => component.names);
  expect(new Set(names).size).toBe(names.length);
});
