import { Fault, type FaultCode } from "../../fault.ts";
import { checkPack, sha256, unpackChunk } from "../../pack.ts";
import { applyDiff, checkTree, chunksOf, type TreeEntry, type TreeUpload, treeId } from "../../tree.ts";
import type { SourceSink } from "../upload.ts";

/** An agent in memory that checks all it is told as strictly as the real one, and fails when asked to. */
export class FakeSink implements SourceSink {
  /** What came, by digest. */
  readonly chunks = new Map<string, Uint8Array>();
  readonly uploads: TreeUpload[] = [];
  /** Trees that may serve as a base, by id. */
  readonly trees = new Map<string, readonly TreeEntry[]>();
  /** Faults to throw, one a call, before anything works; `undefined` lets a call through. */
  failures: (FaultCode | undefined)[] = [];
  packs = 0;
  packBytes = 0;
  #inFlight = 0;

  async negotiate(upload: TreeUpload): Promise<{ missing: string[]; bytes: number }> {
    this.#fail();
    this.uploads.push(upload);
    const base = upload.base === undefined ? [] : this.trees.get(upload.base);
    if (base === undefined) throw new Fault("tree_base_unknown", "no such tree");
    const tree = applyDiff(base, upload.removed ?? [], upload.entries);
    checkTree(tree);
    if (treeId(tree) !== upload.tree) throw new Fault("tree_invalid", "another tree");
    this.trees.set(upload.tree, tree);
    return { missing: [...chunksOf(tree).keys()].filter((digest) => !this.chunks.has(digest)), bytes: 100 };
  }

  async putPack(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#inFlight += 1;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      this.#fail();
      this.#keep(name, bytes);
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Calls of putPack that have not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  #keep(name: string, bytes: Uint8Array): void {
    if (sha256(bytes) !== name) throw new Fault("pack_invalid", "not what its name says");
    for (const { digest, offset, stored, size } of checkPack(bytes)) {
      this.chunks.set(digest, unpackChunk(bytes.slice(offset, offset + stored), size));
    }
    this.packs += 1;
    this.packBytes += bytes.length;
  }

  #fail(): void {
    const code = this.failures.shift();
    if (code) throw new Fault(code, `the ${code} that the test wants`);
  }
}
