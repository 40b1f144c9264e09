import { describe, expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPack, PACK_SIZE, sha256 } from "../pack.ts";
import { CHUNK_SIZE, chunksOf, type TreeEntry } from "../tree.ts";
import { type Pack, type PackOptions, packStream } from "./pack-stream.ts";
import { readTree } from "./read-tree.ts";
import { faultOf, tempTree } from "./testing/temp-tree.ts";

const noise = (size: number) => randomFillSync(new Uint8Array(size));
const entriesOf = async (root: string): Promise<TreeEntry[]> => (await readTree({ root })).entries;
const collect = async (options: PackOptions): Promise<Pack[]> => Array.fromAsync(packStream(options));
const openFiles = () => readdirSync("/proc/self/fd").length;

describe("packs", () => {
  test("hold every missing chunk once, in the order of paths", async () => {
    using tree = tempTree({ a: noise(3 * CHUNK_SIZE + 1), b: "same", c: "same", "d/e": noise(CHUNK_SIZE), f: "last", zero: "" });
    const entries = await entriesOf(tree.path);
    const packs = await collect({ root: tree.path, entries, missing: chunksOf(entries).keys() });
    expect(packs.flatMap((pack) => pack.chunks)).toEqual([...chunksOf(entries).keys()]);
    for (const pack of packs) {
      expect(pack.bytes.length).toBeLessThanOrEqual(PACK_SIZE);
      expect(pack.sha256).toBe(sha256(pack.bytes));
      const inside = checkPack(pack.bytes);
      expect(inside.map((chunk) => chunk.digest)).toEqual(pack.chunks);
      expect(pack.rawBytes).toBe(inside.reduce((sum, chunk) => sum + chunk.size, 0));
    }
  });

  test("hold nothing else, and files with nothing missing are not opened", async () => {
    using tree = tempTree({ a: "1", b: "2", c: "3" });
    const entries = await entriesOf(tree.path);
    rmSync(join(tree.path, "a"));
    const packs = await collect({ root: tree.path, entries, missing: [sha256("2")] });
    expect(packs.map((pack) => pack.chunks)).toEqual([[sha256("2")]]);
    expect(await collect({ root: tree.path, entries, missing: [] })).toEqual([]);
  });

  test("of thousands of small files are full", async () => {
    using tree = tempTree();
    for (let index = 0; index < 700; index++) tree.write(`f${index}`, noise(16_000));
    const entries = await entriesOf(tree.path);
    const packs = await collect({ root: tree.path, entries, missing: chunksOf(entries).keys() });
    expect(packs).toHaveLength(2);
    expect(packs[0]?.bytes.length).toBeGreaterThan(PACK_SIZE - 16_100);
  });
});

describe("a file that is not what was digested", () => {
  test.each<[string, (path: string) => void]>([
    ["written over", (path) => writeFileSync(path, "BEFORE")],
    ["cut off", (path) => writeFileSync(path, "")],
    ["gone", (path) => rmSync(path)],
  ])("because it is %s", async (_, change) => {
    using tree = tempTree({ a: "before" });
    const entries = await entriesOf(tree.path);
    change(join(tree.path, "a"));
    expect(await faultOf(collect({ root: tree.path, entries, missing: [sha256("before")] }))).toMatchObject({
      code: "source_changed",
      details: { path: "a" },
    });
  });
});

test.if(process.platform === "linux")("no file stays open when nobody wants more", async () => {
  using tree = tempTree({ a: noise(4 * CHUNK_SIZE) });
  const entries = await entriesOf(tree.path);
  const before = openFiles();
  for await (const _ of packStream({ root: tree.path, entries, missing: chunksOf(entries).keys() })) break;
  expect(openFiles()).toBe(before);
});
