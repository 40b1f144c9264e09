import { describe, expect, test } from "bun:test";
import { appendFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import { sha256 } from "../pack.ts";
import { CHUNK_SIZE } from "../tree.ts";
import { createDigester } from "./digest.ts";
import { backdate, faultOf, type TempTree, tempTree } from "./testing/temp-tree.ts";

const LARGE = new Uint8Array(2 * CHUNK_SIZE + 5).map((_, index) => index >> 16);

/* Digests `large`, with something done to it after its first chunk was read. */
function disturbed(tree: TempTree, disturb: (path: string) => void): Promise<unknown> {
  const path = tree.write("large", LARGE);
  backdate(path);
  let reads = 0;
  const onRead = () => {
    reads += 1;
    if (reads === 1) disturb(path);
  };
  return createDigester(tree.path, { onRead })("large");
}

describe("digests", () => {
  test("are the sha256 of every 4 MiB", async () => {
    using tree = tempTree({ large: LARGE, exact: LARGE.subarray(0, CHUNK_SIZE), small: "hello", zero: "" });
    const read: number[] = [];
    const digest = createDigester(tree.path, { onRead: (bytes) => read.push(bytes) });
    expect(await digest("large")).toMatchObject({
      file: { path: "large", size: LARGE.length },
      chunks: [sha256(LARGE.subarray(0, CHUNK_SIZE)), sha256(LARGE.subarray(CHUNK_SIZE, 2 * CHUNK_SIZE)), sha256(LARGE.subarray(2 * CHUNK_SIZE))],
    });
    expect(await digest("exact")).toMatchObject({ chunks: [sha256(LARGE.subarray(0, CHUNK_SIZE))] });
    expect(await digest("small")).toMatchObject({ file: { size: 5 }, chunks: [sha256("hello")] });
    expect(await digest("zero")).toMatchObject({ file: { size: 0 }, chunks: [] });
    expect(read).toEqual([CHUNK_SIZE, CHUNK_SIZE, 5, CHUNK_SIZE, 5]);
  });

  test("of a sparse file of 300 MiB take the memory of a chunk", async () => {
    using tree = tempTree({ sparse: "" });
    truncateSync(join(tree.path, "sparse"), 300 * 1024 * 1024);
    const before = process.memoryUsage.rss();
    const { chunks } = await createDigester(tree.path)("sparse");
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    expect(new Set(chunks)).toEqual(new Set([sha256(new Uint8Array(CHUNK_SIZE))]));
    expect(chunks).toHaveLength(75);
  });
});

describe("a file that changes while it is read", () => {
  test.each<[string, (path: string) => void]>([
    ["grows", (path) => appendFileSync(path, "more")],
    ["shrinks", (path) => truncateSync(path, CHUNK_SIZE + 1)],
    ["is written over", (path) => writeFileSync(path, LARGE)],
  ])("because it %s", async (_, disturb) => {
    using tree = tempTree();
    expect(await faultOf(disturbed(tree, disturb))).toEqual({
      code: "source_changed",
      message: '"large" changed while it was being read',
      details: { path: "large" },
    });
  });

  test("or is another thing by now, which is neither followed nor waited for", async () => {
    using tree = tempTree(["gone"]);
    const digest = createDigester(tree.path);
    rmSync(join(tree.path, "gone"));
    expect(await faultOf(digest("gone"))).toMatchObject({ code: "source_changed" });
    symlinkSync("/etc/passwd", join(tree.path, "gone"));
    expect(await faultOf(digest("gone"))).toMatchObject({ code: "source_changed" });
    Bun.spawnSync(["mkfifo", join(tree.path, "pipe")]);
    expect(await faultOf(digest("pipe"))).toMatchObject({ code: "source_changed" });
  });
});

test("an interruption says what the signal says", async () => {
  using tree = tempTree();
  const stop = new AbortController();
  const path = tree.write("large", LARGE);
  const digest = createDigester(tree.path, { signal: stop.signal, onRead: () => stop.abort(new Fault("deadline", "too late")) });
  expect(await faultOf(digest("large"))).toMatchObject({ code: "deadline" });
  expect(path).toEndWith("large");
});
