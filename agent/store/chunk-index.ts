import type { PackedChunk } from "#shared/pack";
import { keys } from "./keys.ts";
import type { ObjectStore } from "./object-store.ts";

/** Where a chunk is: its pack, and where in it. */
export interface ChunkPlace {
  pack: string;
  offset: number;
  stored: number;
  size: number;
}

/** Chunks of all loaded tenants together; beyond it the tenant used longest ago is forgotten (it is read again when needed). About 250 bytes each. */
const MAX_CHUNKS = 400_000;

/**
 * Which chunks a tenant's packs hold. S3 is the truth: each pack has an index object beside it, written after the pack,
 * so an index never names bytes that are not there.
 */
export class ChunkIndex {
  readonly #store: ObjectStore;
  readonly #tenants = new Map<string, Promise<Map<string, ChunkPlace>>>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The tenant's chunks; the map is live, do not write to it. */
  async of(uid: string): Promise<ReadonlyMap<string, ChunkPlace>> {
    return await this.#tenant(uid);
  }

  async add(uid: string, pack: string, chunks: readonly PackedChunk[]): Promise<void> {
    await this.#store.put(keys.packIndex(uid, pack), encodeIndex(chunks));
    const known = await this.#tenant(uid);
    for (const chunk of chunks) known.set(chunk.digest, place(pack, chunk));
  }

  /** What is in the store has changed: it is read again when it is next asked for. */
  forget(uid: string): void {
    this.#tenants.delete(uid);
  }

  #tenant(uid: string): Promise<Map<string, ChunkPlace>> {
    const loaded = this.#tenants.get(uid) ?? this.#load(uid);
    // The Map's order is the order of use.
    this.#tenants.delete(uid);
    this.#tenants.set(uid, loaded);
    return loaded;
  }

  #load(uid: string): Promise<Map<string, ChunkPlace>> {
    const loading = loadIndexes(this.#store, uid);
    loading.then(
      () => this.#forgetOldest(),
      () => this.#tenants.delete(uid),
    );
    return loading;
  }

  async #forgetOldest(): Promise<void> {
    // A tenant whose indexes cannot be read is told to whoever asked for it, not to nobody here.
    const sizeOf = (chunks: Promise<Map<string, ChunkPlace>>) =>
      chunks.then(
        ({ size }) => size,
        () => 0,
      );
    const sizes = await Promise.all([...this.#tenants].map(async ([uid, chunks]) => ({ uid, size: await sizeOf(chunks) })));
    let total = sizes.reduce((sum, tenant) => sum + tenant.size, 0);
    for (const tenant of sizes.slice(0, -1)) {
      if (total <= MAX_CHUNKS) return;
      this.#tenants.delete(tenant.uid);
      total -= tenant.size;
    }
  }
}

async function loadIndexes(store: ObjectStore, uid: string): Promise<Map<string, ChunkPlace>> {
  const known = new Map<string, ChunkPlace>();
  const names = await store.list(keys.packIndexes(uid));
  const next = names.values();
  const worker = async () => {
    for (const name of next) {
      const pack = name.slice(name.lastIndexOf("/") + 1);
      const bytes = await store.get(name);
      for (const chunk of bytes ? decodeIndex(bytes) : []) known.set(chunk.digest, place(pack, chunk));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return known;
}

function place(pack: string, chunk: PackedChunk): ChunkPlace {
  return { pack, offset: chunk.offset, stored: chunk.stored, size: chunk.size };
}

/** The text of a pack's index: a line a chunk. */
export function encodeIndex(chunks: readonly PackedChunk[]): Uint8Array {
  return Buffer.from(chunks.map((chunk) => [chunk.digest, chunk.offset, chunk.stored, chunk.size].join(" ")).join("\n"));
}

export function decodeIndex(bytes: Uint8Array): PackedChunk[] {
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [digest = "", offset, stored, size] = line.split(" ");
      return { digest, offset: Number(offset), stored: Number(stored), size: Number(size) };
    });
}
