import { describe, expect, test } from "bun:test";
import { chmodSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "#shared/pack";
import { backdate, faultOf, later, type TempTree, tempTree } from "#shared/source/testing/temp-tree";
import { checkTree } from "#shared/tree";
import { readSource } from "./read-source.ts";

describe("reading a source", () => {
  test("gives its tree", async () => {
    using cache = tempTree();
    using tree = tempTree({ "a/x": "12345", run: "#!", "tmp/": "" });
    chmodSync(join(tree.path, "run"), 0o755);
    symlinkSync("a/x", join(tree.path, "link"));
    const source = await readSource({ path: tree.path, cacheDir: cache.path });
    expect(source).toEqual({
      root: tree.path,
      files: 2,
      bytes: 7,
      hashed: 2,
      entries: [
        { kind: "file", path: "a/x", mode: 0o644, size: 5, chunks: [sha256("12345")] },
        { kind: "symlink", path: "link", target: "a/x" },
        { kind: "file", path: "run", mode: 0o755, size: 2, chunks: [sha256("#!")] },
        { kind: "directory", path: "tmp" },
      ],
    });
    expect(() => checkTree(source.entries)).not.toThrow();
  });

  test("tells how far it is", async () => {
    using cache = tempTree();
    using tree = tempTree({ a: "123", b: "45" });
    const progress = async () => {
      const steps: { done: number; total: number }[] = [];
      await readSource({ path: tree.path, cacheDir: cache.path, now: later(), onProgress: (step) => steps.push(step) });
      return steps;
    };
    const steps = [
      { done: 3, total: 5 },
      { done: 5, total: 5 },
    ];
    expect(await progress()).toEqual(steps);
    expect(await progress()).toEqual(steps);
  });
});

describe("reading a source again", () => {
  const again = (tree: TempTree, cache: TempTree, now = later()) => readSource({ path: tree.path, cacheDir: cache.path, now });

  test("reads no file that is as it was", async () => {
    using cache = tempTree();
    using tree = tempTree({ "a/x": "1", b: "2", c: "3" });
    const first = await again(tree, cache);
    expect(await again(tree, cache)).toEqual({ ...first, hashed: 0 });
    using elsewhere = tempTree();
    symlinkSync(tree.path, join(elsewhere.path, "alias"));
    expect(await readSource({ path: join(elsewhere.path, "alias"), cacheDir: cache.path })).toMatchObject({ root: tree.path, hashed: 0 });
  });

  test("reads what changed, came or was renamed, and forgets what went", async () => {
    using cache = tempTree();
    using tree = tempTree({ a: "1", b: "2", c: "3", d: "4" });
    await again(tree, cache);
    tree.write("b", "two");
    tree.write("bb", "new");
    rmSync(join(tree.path, "c"));
    const second = await again(tree, cache);
    expect(second.hashed).toBe(2);
    expect(second.entries.map((entry) => entry.path)).toEqual(["a", "b", "bb", "d"]);
    expect(await again(tree, cache)).toEqual({ ...second, hashed: 0 });
  });

  test("notices a change that keeps size and mtime", async () => {
    using cache = tempTree();
    using tree = tempTree({ a: "one" });
    backdate(join(tree.path, "a"));
    await again(tree, cache);
    tree.write("a", "two");
    backdate(join(tree.path, "a"));
    expect(await again(tree, cache)).toMatchObject({ hashed: 1, entries: [{ chunks: [sha256("two")] }] });
  });

  test("notices a change of mode", async () => {
    using cache = tempTree();
    using tree = tempTree({ a: "one" });
    await again(tree, cache);
    chmodSync(join(tree.path, "a"), 0o755);
    expect(await again(tree, cache)).toMatchObject({ entries: [{ mode: 0o755 }] });
  });

  test("does not trust a file that was written in the moment of the reading", async () => {
    using cache = tempTree();
    using tree = tempTree({ a: "one" });
    const moment = Date.now() - 1000;
    await again(tree, cache, moment);
    expect(await again(tree, cache, moment)).toMatchObject({ hashed: 1 });
  });

  test("needs no cache folder", async () => {
    using tree = tempTree({ a: "one" });
    expect(await readSource({ path: tree.path, cacheDir: join(tree.path, "a") })).toMatchObject({ hashed: 1 });
  });
});

describe("a source that may not be read", () => {
  const asNobody = (tree: TempTree, cache: TempTree) => {
    const script = join(import.meta.dir, "testing/read-as-nobody.ts");
    const { stdout, stderr } = Bun.spawnSync([process.execPath, script, tree.path, cache.path]);
    expect(stderr.toString()).toBe("");
    return JSON.parse(stdout.toString());
  };

  test.each([
    ["a file", "dir/secret", 0o000],
    ["an empty file", "dir/zero", 0o000],
    ["a folder", "dir", 0o000],
    ["a folder whose names are all that may be read", "dir", 0o444],
    ["its ignore rules", "dir/.gitignore", 0o000],
  ])("%s", (_, path, mode) => {
    using cache = tempTree();
    using tree = tempTree({ "dir/.gitignore": "x", "dir/secret": "s", "dir/zero": "" });
    chmodSync(join(tree.path, path), mode);
    const fault = asNobody(tree, cache);
    chmodSync(join(tree.path, path), 0o755);
    expect(fault).toMatchObject({ code: "source_unreadable", details: { path: expect.stringContaining(path) } });
  });

  test("the root", () => {
    using cache = tempTree();
    using tree = tempTree({ a: "" });
    chmodSync(tree.path, 0o000);
    expect(asNobody(tree, cache)).toMatchObject({ code: "source_unreadable" });
  });

  test("is no trouble when it is ignored", () => {
    using cache = tempTree();
    using tree = tempTree({ ".gitignore": "dir\nfile\n", "dir/x": "", file: "", ok: "" });
    chmodSync(join(tree.path, "dir"), 0o000);
    chmodSync(join(tree.path, "file"), 0o000);
    expect(asNobody(tree, cache)).toBeNull();
  });
});

test("a large source can be interrupted while its files are read", async () => {
  using cache = tempTree();
  using tree = tempTree({ a: "1", b: "2" });
  const stop = new AbortController();
  const reading = readSource({ path: tree.path, cacheDir: cache.path, signal: stop.signal, onProgress: () => stop.abort() });
  expect(await faultOf(reading)).toMatchObject({ code: "interrupted" });
});
