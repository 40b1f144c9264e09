import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { encodeFrame, sha256 } from "#shared/pack";
import { byPath, type TreeEntry, treeId } from "#shared/tree";
import { startVersity, type TestStore } from "#test/versity";
import type { Deps } from "../deps.ts";
import { Locks } from "../locks.ts";
import { keys } from "../store/keys.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { Sources } from "../store/sources.ts";
import type { StoredPacks } from "./inventory.ts";
import { judgePacks, removePacks } from "./packs.ts";

let versity: TestStore;
beforeAll(async () => {
  versity = await startVersity();
});
afterAll(() => versity[Symbol.asyncDispose]());

const fresh = (bytes: number) => `${randomUUID()}${"x".repeat(bytes)}`;

/** A tenant of the store; `over` stands between. */
function tenant(over: ObjectStore = versity.store, uid: string = randomUUID()) {
  const deps = { store: over, sources: new Sources(over, new Locks()) } as Deps;
  const put = async (...texts: string[]) => {
    const pack = Buffer.concat(texts.map((text) => encodeFrame(sha256(text), Buffer.from(text))));
    await deps.sources.putPack(uid, sha256(pack), async () => pack);
    return sha256(pack);
  };
  const offer = async (...texts: string[]) => {
    const entries = texts
      .map((text): TreeEntry => ({ kind: "file", path: sha256(text), mode: 0o644, size: text.length, chunks: [sha256(text)] }))
      .sort(byPath);
    const { missing } = await deps.sources.negotiate(uid, { tree: treeId(entries), entries });
    return { tree: treeId(entries), missing };
  };
  /** Collects all that these trees do not need. */
  const collect = async (trees: string[], read: string[] = []) => {
    const look = async (prefix: string) => new Map((await versity.store.look(prefix)).map(({ key, bytes }) => [key.slice(prefix.length), bytes]));
    const stored: StoredPacks = { packs: await look(keys.pack(uid, "")), indexes: await look(keys.packIndexes(uid)) };
    const verdicts = trees.map((id) => ({ of: { id, bytes: 0 }, keep: true, why: "" }));
    const judged = await judgePacks(deps, uid, stored, { trees: verdicts, read: new Set(read) });
    await removePacks(deps, uid, judged.verdicts);
    return judged;
  };
  const packs = async () => (await versity.store.list(keys.pack(uid, ""))).map((key) => key.slice(keys.pack(uid, "").length));
  /** The texts of a tree as a staging Pod would find them, by an agent that has just started. */
  const whole = async (tree: string) => {
    const { packs: places } = await new Sources(versity.store, new Locks()).order(uid, tree);
    for (const { url, chunks } of places) {
      for (const [digest, offset, stored, size] of chunks) {
        const answer = await fetch(url, { headers: { range: `bytes=${offset}-${offset + stored - 1}` }, tls: { rejectUnauthorized: false } });
        const bytes = new Uint8Array(await answer.arrayBuffer());
        const raw = stored === size ? bytes : Bun.zstdDecompressSync(bytes);
        if (sha256(raw) !== digest) return false;
      }
    }
    return true;
  };
  return { uid, deps, put, offer, collect, packs, whole };
}

test("packs of which little is needed become one, and what nobody needs goes", async () => {
  const { put, offer, collect, packs, whole } = tenant();
  const needed = [fresh(100), fresh(100), fresh(100)];
  const dead = await put(fresh(500), fresh(500));
  const full = await put(needed[0] ?? "", fresh(1));
  await put(needed[1] ?? "", fresh(5000), fresh(5000), crypto.randomUUID().repeat(200));
  await put(needed[2] ?? "", fresh(5000), crypto.randomUUID().repeat(200), randomUUID());
  const { tree, missing } = await offer(...needed);
  expect(missing).toEqual([]);
  await collect([tree]);
  const left = await packs();
  expect([left.length, left.includes(dead), left.includes(full)]).toEqual([2, false, true]);
  expect(await whole(tree)).toBe(true);
  // Nothing is left to do.
  expect((await collect([tree])).verdicts.every(({ keep }) => keep)).toBe(true);
});

test("what a staging Pod may be reading stays where it is", async () => {
  const { put, offer, collect, packs } = tenant();
  const text = fresh(100);
  const pack = await put(text, ...Array.from({ length: 20 }, () => randomUUID()));
  const { tree } = await offer(text);
  await collect([tree], [tree]);
  expect(await packs()).toEqual([pack]);
  await collect([tree]);
  expect(await packs()).not.toEqual([pack]);
});

test("a new pack that is one of the old ones is not taken away with them", async () => {
  const { put, offer, collect, packs, whole } = tenant();
  const text = fresh(50);
  const alone = await put(text);
  // By its name it has to come before the other, so that the chunk counts there.
  let mixed = "";
  while (mixed === "" || mixed > alone) mixed = await put(text, ...Array.from({ length: 20 }, () => randomUUID()));
  const { tree } = await offer(text);
  const { verdicts } = await collect([tree]);
  expect(verdicts.every(({ keep }) => !keep)).toBe(true);
  expect(await packs()).toEqual([alone]);
  expect(await whole(tree)).toBe(true);
});

test("wherever it is interrupted, every chunk that is needed is found, and the next time the rest is done", async () => {
  let left = Number.POSITIVE_INFINITY;
  const spend = () => {
    if (left-- <= 0) throw new Error("killed");
  };
  const store: ObjectStore = {
    ...versity.store,
    put: async (key, bytes) => {
      spend();
      await versity.store.put(key, bytes);
    },
    remove: async (names) => {
      // One after the other, so that it can end between any two.
      for (const name of names) {
        spend();
        await versity.store.remove([name]);
      }
    },
  };
  const { uid, put, offer, collect, packs, whole } = tenant(store);
  const needed = [fresh(60), fresh(60)];
  const old = [await put(fresh(10))];
  for (const text of needed) old.push(await put(text, ...Array.from({ length: 30 }, () => randomUUID())));
  const { tree } = await offer(...needed);
  let kills = 0;
  for (let allowed = 0; ; allowed++) {
    left = allowed;
    const ended = await tenant(store, uid)
      .collect([tree])
      .then(
        () => true,
        () => false,
      );
    expect(await whole(tree)).toBe(true);
    if (ended) break;
    kills += 1;
    left = Number.POSITIVE_INFINITY;
    expect((await offer(...needed)).missing).toEqual([]);
  }
  expect(kills).toBeGreaterThan(3);
  left = Number.POSITIVE_INFINITY;
  await collect([tree]);
  const now = await packs();
  expect(old.filter((pack) => now.includes(pack))).toEqual([]);
  expect((await collect([tree])).verdicts.every(({ keep }) => keep)).toBe(true);
  expect(await whole(tree)).toBe(true);
});
