import { zstdDecompressSync } from "node:zlib";
import { Fault } from "#shared/fault";
import { checkPack, sha256 } from "#shared/pack";
import { release } from "#shared/release";
import { applyDiff, checkTree, chunksOf, decodeTree, encodeTree, type TreeEntry, type TreeUpload } from "#shared/tree";
import type { Locks } from "../locks.ts";
import { Slots } from "../slots.ts";
import { ChunkIndex } from "./chunk-index.ts";
import { keys } from "./keys.ts";
import type { ObjectStore } from "./object-store.ts";

const MAX_TREE_TEXT = 256 * 1024 * 1024;
/** Packs that are checked at the same time; further uploads wait with their bodies unread, so memory stays bounded. */
const PACKS_AT_ONCE = 3;

/**
 * Trees and their chunks, as the agent holds them for tenants. `uid` is the tenant namespace's. What writes here shares
 * the tenant's lock: garbage is collected by who has it alone (agent/gc).
 */
export class Sources {
  readonly #store: ObjectStore;
  readonly #locks: Locks;
  readonly #index: ChunkIndex;
  readonly #slots = new Slots(PACKS_AT_ONCE);

  constructor(store: ObjectStore, locks: Locks) {
    this.#store = store;
    this.#locks = locks;
    this.#index = new ChunkIndex(store);
  }

  /**
   * Takes a tree and tells which of its chunks are not held.
   * @throws Fault tree_invalid, tree_base_unknown
   */
  async negotiate(uid: string, upload: TreeUpload): Promise<{ missing: string[] }> {
    const base = upload.base === undefined ? [] : await this.read(uid, upload.base);
    const entries = applyDiff(base, upload.removed ?? [], upload.entries);
    if (upload.base === undefined && entries.length !== upload.entries.length) throw new Fault("tree_invalid", "the tree has a path twice");
    const text = encodeTree(entries);
    if (sha256(text) !== upload.tree) throw new Fault("tree_invalid", "the tree does not have the id it is sent as");
    checkTree(entries);
    return await this.#locks.share(uid, async () => {
      await Promise.all([
        this.#store.put(keys.tree(uid, upload.tree), Bun.zstdCompressSync(text, { level: 3 })),
        this.#store.put(keys.offer(uid, upload.tree), new Uint8Array()),
      ]);
      return { missing: await this.#missing(uid, entries) };
    });
  }

  /** A revision has come of the tree that was offered: from here on it is kept for that revision's sake. */
  async settle(uid: string, tree: string): Promise<void> {
    await this.#store.remove([keys.offer(uid, tree)]);
  }

  /** Stores a pack once every chunk in it is proven. `read` is called when it is this pack's turn. @throws Fault pack_invalid */
  async putPack(uid: string, name: string, read: () => Promise<Uint8Array>): Promise<void> {
    await this.#slots.run(async () => {
      const pack = await read();
      if (sha256(pack) !== name) throw new Fault("pack_invalid", "the pack does not have the digest it is named by");
      const chunks = checkPack(pack);
      // Not while it is read: that lasts as long as the sender likes.
      await this.#locks.share(uid, async () => {
        await this.#store.put(keys.pack(uid, name), pack);
        release(pack);
        await this.#index.add(uid, name, chunks);
      });
    });
  }

  /** What is in the store has changed otherwise than by this. */
  forget(uid: string): void {
    this.#index.forget(uid);
  }

  /** The tree, when all of it is here. @throws Fault tree_base_unknown, chunks_missing */
  async complete(uid: string, tree: string): Promise<TreeEntry[]> {
    const entries = await this.read(uid, tree);
    const missing = await this.#missing(uid, entries);
    if (missing.length === 0) return entries;
    throw new Fault("chunks_missing", `${missing.length} chunks of the tree have not been uploaded`);
  }

  /**
   * What a staging Pod needs to make the tree: where it and the packs can be read, and where in them the chunks lie.
   * A Pod never holds an S3 key: every URL reads one object for an hour.
   */
  async order(uid: string, tree: string): Promise<{ tree: string; packs: { url: string; chunks: [string, number, number, number][] }[] }> {
    const places = await this.#index.of(uid);
    const packs = new Map<string, [string, number, number, number][]>();
    for (const chunk of chunksOf(await this.complete(uid, tree)).keys()) {
      const at = places.get(chunk);
      if (!at) throw new Fault("chunks_missing", "a chunk of the tree is gone from the store");
      const list = packs.get(at.pack) ?? [];
      list.push([chunk, at.offset, at.stored, at.size]);
      packs.set(at.pack, list);
    }
    return {
      tree: await this.#store.presign(keys.tree(uid, tree)),
      packs: await Promise.all([...packs].map(async ([pack, chunks]) => ({ url: await this.#store.presign(keys.pack(uid, pack)), chunks }))),
    };
  }

  /** The tree, complete or not. @throws Fault tree_base_unknown */
  async read(uid: string, tree: string): Promise<TreeEntry[]> {
    const stored = await this.#store.get(keys.tree(uid, tree));
    if (!stored) throw new Fault("tree_base_unknown", "the agent does not hold that tree", { details: { tree } });
    return decodeTree(zstdDecompressSync(stored, { maxOutputLength: MAX_TREE_TEXT }).toString());
  }

  async #missing(uid: string, entries: readonly TreeEntry[]): Promise<string[]> {
    const places = await this.#index.of(uid);
    const missing: string[] = [];
    for (const [chunk, size] of chunksOf(entries)) {
      const at = places.get(chunk);
      if (!at) missing.push(chunk);
      else if (at.size !== size) throw new Fault("tree_invalid", "a file's size does not fit the chunks it is made of");
    }
    return missing;
  }
}
