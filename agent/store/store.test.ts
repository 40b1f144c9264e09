import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { Fault } from "#shared/fault";
import { encodeFrame, sha256 } from "#shared/pack";
import type { PushResult } from "#shared/push-event";
import { byPath, type TreeEntry, treeId } from "#shared/tree";
import { startVersity, type TestStore } from "#test/versity";
import { Locks } from "../locks.ts";
import { ChunkIndex } from "./chunk-index.ts";
import { EventLog } from "./event-log.ts";
import type { ObjectStore } from "./object-store.ts";
import { Sources } from "./sources.ts";

let versity: TestStore;
beforeAll(async () => {
  versity = await startVersity();
});
afterAll(() => versity[Symbol.asyncDispose]());

const text = (name: string) => Buffer.from(`${name} `.repeat(50));
const entry = (path: string, name = path): TreeEntry => ({ kind: "file", path, mode: 0o644, size: text(name).length, chunks: [sha256(text(name))] });
const packOf = (...names: string[]) => Buffer.concat(names.map((name) => encodeFrame(sha256(text(name)), text(name))));

async function put(sources: Sources, uid: string, pack: Uint8Array): Promise<void> {
  await sources.putPack(uid, sha256(pack), async () => pack);
}

test("objects: what is put is got, listed, readable by a presigned URL, and gone when removed", async () => {
  const { store } = versity;
  await store.put("a/b c/ü", text("x"));
  await store.put("a/z", new Uint8Array());
  expect(await store.get("a/b c/ü")).toEqual(new Uint8Array(text("x")));
  expect(await store.list("a/")).toEqual(["a/b c/ü", "a/z"]);
  expect(await store.has("a/z")).toBe(true);
  expect(await store.get("none")).toBeUndefined();
  expect(await store.has("none")).toBe(false);
  const url = await store.presign("a/b c/ü");
  const ranged = await fetch(url, { headers: { range: "bytes=0-0" }, tls: { rejectUnauthorized: false } });
  expect(await ranged.text()).toBe("x");
  expect(await store.look("a/")).toEqual([
    { key: "a/b c/ü", bytes: text("x").length, at: expect.any(Number), etag: expect.any(String) },
    { key: "a/z", bytes: 0, at: expect.any(Number), etag: expect.any(String) },
  ]);
  expect(await store.folders("")).toContain("a");
  expect(await store.folders("a/")).toEqual(["b c"]);
  await store.remove(["a/b c/ü", "a/z"]);
  expect(await store.list("a/")).toEqual([]);
});

test("sources: only what is missing is asked for, also by an agent that has just started", async () => {
  const uid = randomUUID();
  const sources = new Sources(versity.store, new Locks());
  const tree = [entry("a"), entry("b")];
  expect((await sources.negotiate(uid, { tree: treeId(tree), entries: tree })).missing).toHaveLength(2);
  await put(sources, uid, packOf("a"));
  expect((await sources.negotiate(uid, { tree: treeId(tree), entries: tree })).missing).toEqual([sha256(text("b"))]);
  await expect(sources.complete(uid, treeId(tree))).rejects.toMatchObject({ code: "chunks_missing" });
  await put(sources, uid, packOf("b"));

  const restarted = new Sources(versity.store, new Locks());
  const next = [...tree, entry("c", "a")].sort(byPath);
  expect(await restarted.negotiate(uid, { tree: treeId(next), base: treeId(tree), entries: [entry("c", "a")] })).toEqual({ missing: [] });
  expect(await restarted.complete(uid, treeId(next))).toEqual(next);
  expect((await restarted.order(uid, treeId(next))).packs.map((pack) => pack.chunks.length)).toEqual([1, 1]);
  expect((await restarted.negotiate(randomUUID(), { tree: treeId(next), entries: next })).missing).toHaveLength(2);
});

test("sources: what does not fit is refused", async () => {
  const uid = randomUUID();
  const sources = new Sources(versity.store, new Locks());
  const tree = [entry("a")];
  await expect(sources.negotiate(uid, { tree: treeId(tree), base: treeId([entry("z")]), entries: tree })).rejects.toMatchObject({
    code: "tree_base_unknown",
  });
  await expect(sources.negotiate(uid, { tree: treeId([entry("z")]), entries: tree })).rejects.toMatchObject({ code: "tree_invalid" });
  await expect(sources.negotiate(uid, { tree: treeId(tree), entries: [entry("a"), entry("a")] })).rejects.toMatchObject({ code: "tree_invalid" });
  await expect(sources.putPack(uid, sha256("other"), async () => packOf("a"))).rejects.toMatchObject({ code: "pack_invalid" });
  await put(sources, uid, packOf("a"));
  const lying = [{ ...entry("a"), size: 3 } as TreeEntry];
  await expect(sources.negotiate(uid, { tree: treeId(lying), entries: lying })).rejects.toMatchObject({ code: "tree_invalid" });
});

test("events: whoever follows is told that the store takes none, and finds them when it does again", async () => {
  const back = Promise.withResolvers<void>();
  const silent: ObjectStore = {
    ...versity.store,
    put: async (key, bytes) => {
      await back.promise;
      await versity.store.put(key, bytes);
    },
  };
  const log = await EventLog.open(silent, randomUUID(), "app", 1, 50);
  log.append({ type: "notice", message: "kept" });
  const signal = AbortSignal.timeout(60_000);
  const first = async () => (await log.follow(0, signal).next()).value;
  await expect(first()).rejects.toMatchObject({ code: "store_unavailable" });
  back.resolve();
  await log.stored();
  expect(await first()).toMatchObject({ seq: 1, message: "kept" });
});

const result = { outcome: "live", app: "a", namespace: "n", revision: 1 } as PushResult;

test("events: a follower sees each once and in order, wherever it begins, and a restarted agent goes on with the next number", async () => {
  const uid = randomUUID();
  const log = await EventLog.open(versity.store, uid, "app", 1);
  const signal = new AbortController().signal;
  const seen: number[] = [];
  const following = (async () => {
    for await (const event of log.follow(0, signal)) seen.push(event.seq);
  })();
  for (let line = 0; line < 50; line++) log.append({ type: "log", phase: "stage", line: String(line) });
  for await (const event of log.follow(0, signal)) if (event.seq === 50) break;

  const restarted = await EventLog.open(versity.store, uid, "app", 1);
  expect(restarted.events.map((event) => event.seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  restarted.append({ type: "notice", message: "again" });
  await restarted.end({ type: "done", result });
  await log.end({ type: "done", result });
  await following;
  expect(seen).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));

  const ended = await EventLog.open(versity.store, uid, "app", 1);
  expect(ended.done?.seq).toBe(51);
  const rest: number[] = [];
  for await (const event of ended.follow(49, signal)) rest.push(event.seq);
  expect(rest).toEqual([50, 51]);
  expect(() => ended.append({ type: "notice", message: "late" })).toThrow("ended");
});

test("events: an end that the store did not take can be said again", async () => {
  const uid = randomUUID();
  let refuses = true;
  const store: ObjectStore = {
    ...versity.store,
    put: async (key, bytes) => {
      if (refuses && key.endsWith("/whole")) throw new Fault("store_unavailable", "gone for a moment");
      await versity.store.put(key, bytes);
    },
  };
  const log = await EventLog.open(store, uid, "app", 1);
  await expect(log.end({ type: "done", result })).rejects.toMatchObject({ code: "store_unavailable" });
  refuses = false;
  await log.end({ type: "done", result });
  expect((await EventLog.open(versity.store, uid, "app", 1)).events.map(({ seq, type }) => [seq, type])).toEqual([[1, "done"]]);
});

test("chunks: a tenant whose index cannot be read fails whoever asks for it, and nobody else", async () => {
  const broken = randomUUID();
  const lost = Promise.withResolvers<never>();
  const store: ObjectStore = { ...versity.store, list: (prefix) => (prefix.includes(broken) ? lost.promise : versity.store.list(prefix)) };
  const index = new ChunkIndex(store);
  const asked = index.of(broken);
  await index.of(randomUUID());
  lost.reject(new Fault("store_unavailable", "gone"));
  // A rejection that nobody handles would end this process, as it would the agent's.
  await expect(asked).rejects.toMatchObject({ code: "store_unavailable" });
});

test("a store that is gone is said to be gone", async () => {
  await using lost = await startVersity();
  await lost.stop();
  await expect(lost.store.put("a", text("a"))).rejects.toMatchObject({ code: "store_unavailable" });
});

test("a store that has stopped answering is not waited for endlessly", async () => {
  await using silent = await startVersity({ requestMs: 200 });
  silent.freeze();
  await expect(silent.store.put("a", text("a"))).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("did not answer"),
  });
});
