import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { Fault } from "#shared/fault";
import { createPace, type Pace } from "#shared/source/pace";
import { applyDelta, targetSize } from "./delta.ts";

export type ObjectType = "commit" | "tree" | "blob" | "tag";
export interface GitObject {
  type: ObjectType;
  data: Uint8Array;
}

export interface PackOptions {
  /** Bytes of one object at most. */
  largest: number;
  signal: AbortSignal;
}

const TYPES: Record<number, ObjectType | "by-offset" | "by-id"> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag", 6: "by-offset", 7: "by-id" };
/** Type, size and base of an object fit into this many bytes. */
const MAX_HEADER = 48;
const MAX_OBJECTS = 1_000_000;
const HASH_STEP = 1024 * 1024;
const TRAILER = 20;

/** Where an object lies in the pack; a delta has a base instead of a type of its own. */
interface Place {
  /** Of its first compressed byte. */
  at: number;
  size: number;
  type?: ObjectType;
  /** Offset of the base's header in the pack, or the base's id. */
  base?: number | string;
}

/**
 * A pack as a server sent it, read in place: git keeps objects as deltas of others in it. Memory holds where each object
 * lies and a few of the objects, not the pack.
 */
export class PackFile implements Disposable {
  readonly #fd: number;
  readonly #end: number;
  readonly #largest: number;
  /** By offset of the header. */
  readonly #places = new Map<number, Place>();
  /** Offsets of the headers, by object id. */
  readonly #offsets = new Map<string, number>();
  readonly #commits: string[] = [];
  readonly #recent = new Recent();

  private constructor(path: string, largest: number) {
    this.#fd = openSync(path, "r");
    this.#end = fstatSync(this.#fd).size - TRAILER;
    this.#largest = largest;
  }

  /**
   * Reads a pack once from end to end, so that every object in it is known by its id.
   * @throws Fault git_unreachable when it is damaged, git_too_large, what the signal was aborted with
   */
  static async open(path: string, { largest, signal }: PackOptions): Promise<PackFile> {
    const pack = new PackFile(path, largest);
    try {
      const pace = createPace(signal);
      pack.#checkSum();
      await pack.#scan(pace);
      await pack.#nameDeltas(pace);
      return pack;
    } catch (error) {
      pack[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Ids of all commits in it. */
  get commits(): readonly string[] {
    return this.#commits;
  }

  has(oid: string): boolean {
    return this.#offsets.has(oid);
  }

  /** @throws Fault git_unreachable when it is not there: the server left something out */
  read(oid: string): GitObject {
    const offset = this.#offsets.get(oid);
    if (offset === undefined) throw damaged(`${oid} is missing`);
    return this.#objectAt(offset);
  }

  #checkSum(): void {
    const sum = new Bun.CryptoHasher("sha1");
    for (let at = 0; at < this.#end; at += HASH_STEP) sum.update(this.#bytes(at, Math.min(HASH_STEP, this.#end - at)));
    if (this.#end < 12 || sum.digest("hex") !== this.#bytes(this.#end, TRAILER).toString("hex"))
      throw damaged("it does not have the sum that it ends with");
  }

  async #scan(pace: Pace): Promise<void> {
    const header = this.#bytes(0, 12);
    const count = header.readUInt32BE(8);
    if (header.toString("latin1", 0, 4) !== "PACK" || header.readUInt32BE(4) !== 2) throw damaged("it is of a version that is not known");
    if (count > MAX_OBJECTS) throw new Fault("git_too_large", `it has more than ${MAX_OBJECTS} objects`);
    let offset = 12;
    for (let index = 0; index < count; index++) {
      const place = this.#placeAt(offset);
      const { data, stored } = this.#inflate(place);
      this.#places.set(offset, place);
      if (place.type) this.#name(offset, { type: place.type, data });
      else if (targetSize(data) > this.#largest) throw tooLarge(this.#largest);
      offset = place.at + stored;
      const rest = pace();
      if (rest) await rest;
    }
  }

  /* A base that is named by its id may be a delta itself, whose id is known only after its own turn. */
  async #nameDeltas(pace: Pace): Promise<void> {
    let open = [...this.#places].filter(([, place]) => place.type === undefined).map(([offset]) => offset);
    while (open.length > 0) {
      const later: number[] = [];
      for (const offset of open) {
        const object = this.#tryObjectAt(offset);
        if (object) this.#name(offset, object);
        else later.push(offset);
        const rest = pace();
        if (rest) await rest;
      }
      if (later.length === open.length) throw damaged("it lacks what its deltas begin with");
      open = later;
    }
  }

  #name(offset: number, { type, data }: GitObject): void {
    const oid = new Bun.CryptoHasher("sha1").update(`${type} ${data.length}\0`).update(data).digest("hex");
    this.#offsets.set(oid, offset);
    if (type === "commit") this.#commits.push(oid);
  }

  #placeAt(offset: number): Place {
    const bytes = this.#bytes(offset, Math.min(MAX_HEADER, this.#end - offset));
    let at = 0;
    const next = () => bytes[at++] ?? 0;
    let byte = next();
    const type = TYPES[(byte >> 4) & 7];
    let size = byte & 15;
    for (let factor = 16; byte & 128; factor *= 128) {
      byte = next();
      size += (byte & 127) * factor;
    }
    if (size > this.#largest) throw tooLarge(this.#largest);
    if (type === undefined) throw damaged("it has an object of no known type");
    if (type === "by-id") return { base: bytes.toString("hex", at, at + 20), at: offset + at + 20, size };
    if (type !== "by-offset") return { type, at: offset + at, size };
    byte = next();
    let back = byte & 127;
    while (byte & 128) {
      byte = next();
      back = (back + 1) * 128 + (byte & 127);
    }
    if (!this.#places.has(offset - back)) throw damaged("it has a delta of nothing");
    return { base: offset - back, at: offset + at, size };
  }

  /* How many bytes are compressed is not told anywhere: more are read until inflating finds the end. */
  #inflate({ at, size }: Place): { data: Uint8Array; stored: number } {
    const left = this.#end - at;
    for (let length = Math.min(left, size + 256); ; length = Math.min(left, length * 4)) {
      try {
        const { buffer, engine } = inflateSync(this.#bytes(at, length), { info: true, maxOutputLength: Math.max(1, size) }) as unknown as Inflated;
        if (buffer.length !== size) throw damaged("an object has another size than it says");
        return { data: buffer, stored: engine.bytesWritten };
      } catch (error) {
        const cut = (error as { code?: string }).code === "Z_BUF_ERROR" && length < left;
        if (!cut) throw error instanceof Fault ? error : damaged("an object cannot be unpacked", error);
      }
    }
  }

  #objectAt(offset: number): GitObject {
    const object = this.#tryObjectAt(offset);
    if (object) return object;
    throw damaged("an object lacks what it is a delta of");
  }

  /* Chains of deltas may be thousands long, so they are walked in a loop; undefined when the first base is not known (yet). */
  #tryObjectAt(offset: number): GitObject | undefined {
    const chain: { offset: number; delta: Uint8Array }[] = [];
    let object: GitObject | undefined;
    for (let at: number | undefined = offset; !object; ) {
      const place: Place | undefined = at === undefined ? undefined : this.#places.get(at);
      if (at === undefined || !place) return undefined;
      object = this.#recent.get(at);
      if (object) break;
      const { data } = this.#inflate(place);
      if (place.type) object = { type: place.type, data };
      else chain.push({ offset: at, delta: data });
      if (object && chain.length > 0) this.#recent.set(at, object);
      at = typeof place.base === "string" ? this.#offsets.get(place.base) : place.base;
    }
    for (const { offset: at, delta } of chain.reverse()) {
      object = { type: object.type, data: applyDelta(object.data, delta) };
      this.#recent.set(at, object);
    }
    return object;
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(this.#fd, bytes, 0, length, at));
  }
}

interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** Objects that were made from deltas lately: the next one is often a delta of one of them. */
class Recent {
  static readonly #MAX_BYTES = 64 * 1024 * 1024;
  readonly #objects = new Map<number, GitObject>();
  #bytes = 0;

  get(offset: number): GitObject | undefined {
    return this.#objects.get(offset);
  }

  set(offset: number, object: GitObject): void {
    if (this.#objects.has(offset)) return;
    this.#objects.set(offset, object);
    this.#bytes += object.data.length;
    for (const [oldest, { data }] of this.#objects) {
      if (this.#bytes <= Recent.#MAX_BYTES) return;
      this.#objects.delete(oldest);
      this.#bytes -= data.length;
    }
  }
}

function damaged(why: string, cause?: unknown): Fault {
  return new Fault("git_unreachable", `the git server sent a damaged pack: ${why}`, { cause });
}

function tooLarge(limit: number): Fault {
  return new Fault("git_too_large", `it has a file of more than ${limit / (1024 * 1024)} MiB`);
}
