import { describe, expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Fault, type FaultCode } from "../fault.ts";
import { sha256 } from "../pack.ts";
import { CHUNK_SIZE, treeId } from "../tree.ts";
import { type ReadTree, readTree } from "./read-tree.ts";
import { sleep } from "./retry.ts";
import { FakeSink } from "./testing/fake-sink.ts";
import { faultOf, type TempTree, tempTree } from "./testing/temp-tree.ts";
import { type SendOptions, sendSource } from "./upload.ts";

const noise = (size: number) => randomFillSync(new Uint8Array(size));

type Source = ReadTree & { root: string };

async function read(tree: TempTree): Promise<Source> {
  return { ...(await readTree({ root: tree.path })), root: tree.path };
}

/* Sends without waiting between retries, and keeps how long it would have waited. */
async function send(source: Source, agent: FakeSink, over: Partial<SendOptions> = {}) {
  const pauses: number[] = [];
  const pause = async (ms: number) => {
    pauses.push(ms);
  };
  return { ...(await sendSource({ root: source.root, entries: source.entries, agent, pause, ...over })), pauses };
}

describe("sending a source", () => {
  test("delivers every chunk, and counts what went over the wire", async () => {
    using tree = tempTree({ a: noise(3 * CHUNK_SIZE), b: "text", c: "text", "empty/": "" });
    const source = await read(tree);
    const agent = new FakeSink();
    const steps: { done: number; total: number }[] = [];
    const sent = await send(source, agent, { onProgress: (step) => steps.push(step) });
    expect(sent).toMatchObject({ tree: treeId(source.entries), sent: { chunks: 4, bytes: 100 + agent.packBytes }, reused: { chunks: 0, bytes: 0 } });
    expect(agent.chunks.get(sha256("text"))).toEqual(new TextEncoder().encode("text"));
    expect(steps.at(-1)).toEqual({ done: 3 * CHUNK_SIZE + 4, total: 3 * CHUNK_SIZE + 4 });
  });

  test("sends nothing but the tree when the agent has it all", async () => {
    using tree = tempTree({ a: "one", b: "two" });
    const source = await read(tree);
    const agent = new FakeSink();
    await send(source, agent);
    expect(await send(source, agent)).toMatchObject({ sent: { chunks: 0, bytes: 100 }, reused: { chunks: 2, bytes: 6 } });
    expect(agent.packs).toBe(1);
  });

  test("tells only the difference to a base", async () => {
    using tree = tempTree({ a: "one", b: "two", c: "three" });
    const agent = new FakeSink();
    const before = await read(tree);
    await send(before, agent);
    tree.write("b", "changed");
    rmSync(join(tree.path, "c"));
    const after = await read(tree);
    expect(await send(after, agent, { base: before.entries })).toMatchObject({ sent: { chunks: 1 }, reused: { chunks: 1, bytes: 3 } });
    expect(agent.uploads.at(-1)).toEqual({
      tree: treeId(after.entries),
      base: treeId(before.entries),
      removed: ["c"],
      entries: after.entries.slice(1),
    });
    await send(after, agent, { base: after.entries });
    expect(agent.uploads.at(-1)).toEqual({ tree: treeId(after.entries), base: treeId(after.entries), removed: [], entries: [] });
  });

  test("tells the whole tree, once, when the base is unknown", async () => {
    using tree = tempTree({ a: "one" });
    const source = await read(tree);
    const agent = new FakeSink();
    await send(source, agent, { base: [{ kind: "directory", path: "old" }] });
    expect(agent.uploads.map((upload) => upload.base)).toEqual([treeId([{ kind: "directory", path: "old" }]), undefined]);
    agent.failures = ["tree_base_unknown", "tree_base_unknown"];
    expect(await faultOf(send(source, agent, { base: source.entries }))).toMatchObject({ code: "tree_base_unknown" });
    expect(agent.failures).toEqual([]);
  });

  test("keeps four packs in flight, and no more", async () => {
    using tree = tempTree({ a: noise(12 * CHUNK_SIZE) });
    const source = await read(tree);
    const agent = new FakeSink();
    const held: (() => void)[] = [];
    const releaseAll = () => {
      for (const release of held.splice(0)) release();
    };
    agent.putPack = async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.push(resolve);
      // With fewer than four this waits for ever; a fifth would have time to come in.
      if (held.length === 4) setImmediate(() => setImmediate(releaseAll));
      expect(held.length).toBeLessThanOrEqual(4);
      await promise;
    };
    expect(await send(source, agent)).toMatchObject({ sent: { chunks: 12 } });
  });

  test("refuses an agent that asks for what is not there", async () => {
    using tree = tempTree({ a: "one" });
    const agent = new FakeSink();
    agent.negotiate = async () => ({ missing: ["f".repeat(64)], bytes: 0 });
    expect(await faultOf(send(await read(tree), agent))).toMatchObject({ code: "upload_failed" });
  });
});

describe("when something fails", () => {
  test.each<FaultCode>(["agent_unreachable", "agent_lost", "store_unavailable", "upload_failed"])("%s is tried again, five times", async (code) => {
    using tree = tempTree({ a: "one" });
    const source = await read(tree);
    const agent = new FakeSink();
    agent.failures = [code, undefined, code, code, code, code, code];
    const { pauses } = await send(source, agent);
    expect(agent.packs).toBe(1);
    const longest = [250, 250, 500, 1000, 2000, 4000];
    expect(pauses).toHaveLength(longest.length);
    pauses.forEach((ms, index) => {
      expect(ms).toBeWithin((longest[index] ?? 0) / 2, (longest[index] ?? 0) + 1);
    });

    agent.chunks.clear();
    agent.failures = [undefined, ...Array<FaultCode>(6).fill(code)];
    expect(await faultOf(send(source, agent))).toMatchObject({ code });
    expect(agent.failures).toEqual([]);
  });

  test.each<FaultCode>(["store_full", "pack_invalid", "forbidden", "not_logged_in"])("%s ends the upload at once", async (code) => {
    using tree = tempTree({ a: noise(12 * CHUNK_SIZE) });
    const agent = new FakeSink();
    agent.failures = [undefined, undefined, code];
    expect(await faultOf(send(await read(tree), agent))).toMatchObject({ code });
    expect(agent.inFlight).toBe(0);
    expect(agent.packs).toBeLessThan(12);
  });

  test("a bug in the sink is not mistaken for bad luck", async () => {
    using tree = tempTree({ a: "one" });
    const agent = new FakeSink();
    agent.putPack = () => Promise.reject(new TypeError("oops"));
    await expect(send(await read(tree), agent)).rejects.toThrow(TypeError);
  });

  test("a file that changed stops the packs in flight", async () => {
    using tree = tempTree({ a: noise(2 * CHUNK_SIZE), b: noise(8 * CHUNK_SIZE) });
    const source = await read(tree);
    tree.write("b", "short");
    const agent = new FakeSink();
    expect(await faultOf(send(source, agent))).toMatchObject({ code: "source_changed", details: { path: "b" } });
    expect(agent.inFlight).toBe(0);
  });

  test("an interruption ends it, also in a pause", async () => {
    using tree = tempTree({ a: noise(8 * CHUNK_SIZE) });
    const source = await read(tree);
    const stop = new AbortController();
    const agent = new FakeSink();
    expect(await faultOf(send(source, agent, { signal: stop.signal, onProgress: () => stop.abort() }))).toMatchObject({ code: "interrupted" });
    expect(agent.inFlight).toBe(0);

    const again = new AbortController();
    agent.negotiate = () => {
      setImmediate(() => again.abort());
      return Promise.reject(new Fault("agent_lost", "gone"));
    };
    expect(await faultOf(send(source, agent, { signal: again.signal, pause: sleep }))).toMatchObject({ code: "interrupted" });
  });

  test("what arrived is not sent again", async () => {
    using tree = tempTree({ a: noise(6 * CHUNK_SIZE) });
    const source = await read(tree);
    const agent = new FakeSink();
    agent.failures = [undefined, undefined, undefined, "store_full"];
    await faultOf(send(source, agent));
    const arrived = agent.chunks.size;
    expect(arrived).toBeGreaterThan(0);
    expect(await send(source, agent)).toMatchObject({ sent: { chunks: 6 - arrived }, reused: { chunks: arrived } });
  });
});
