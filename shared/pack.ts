import { zstdDecompressSync } from "node:zlib";
import { Fault } from "./fault.ts";
import { release } from "./release.ts";
import { CHUNK_SIZE } from "./tree.ts";

/**
 * A pack is chunks one after the other, each behind a 40-byte header:
 * sha256 of the raw bytes (32), raw size (u32 BE), stored size (u32 BE). Stored bytes are a zstd frame, or the raw
 * bytes themselves where zstd would not make them smaller (stored size = raw size). A pack is named by the sha256 of all its bytes.
 */
export const PACK_HEADER = 40;
/** Bytes of one pack at most: one full chunk always fits. */
export const PACK_SIZE = 8 * 1024 * 1024;

/** Where a chunk lies in its pack: `offset` and `stored` in bytes of the pack, `size` in raw bytes. */
export interface PackedChunk {
  digest: string;
  offset: number;
  stored: number;
  size: number;
}

/** sha256 in hex. */
export function sha256(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** One chunk as it stands in a pack. */
export function encodeFrame(digest: string, raw: Uint8Array): Uint8Array {
  const squeezed = raw.length > 64 ? Bun.zstdCompressSync(raw, { level: 3 }) : raw;
  const stored = squeezed.length < raw.length ? squeezed : raw;
  const frame = new Uint8Array(PACK_HEADER + stored.length);
  frame.set(Buffer.from(digest, "hex"));
  const view = new DataView(frame.buffer);
  view.setUint32(32, raw.length);
  view.setUint32(36, stored.length);
  frame.set(stored, PACK_HEADER);
  if (stored !== raw) release(stored);
  return frame;
}

/**
 * The chunks of a pack, every one unpacked and checked against its digest.
 * @throws Fault pack_invalid when anything does not fit
 */
export function checkPack(pack: Uint8Array): PackedChunk[] {
  if (pack.length > PACK_SIZE) throw new Fault("pack_invalid", `a pack has at most ${PACK_SIZE} bytes`);
  const chunks: PackedChunk[] = [];
  const view = new DataView(pack.buffer, pack.byteOffset, pack.byteLength);
  for (let at = 0; at < pack.length; ) {
    if (at + PACK_HEADER > pack.length) throw new Fault("pack_invalid", "the pack ends inside a header");
    const digest = Buffer.from(pack.subarray(at, at + 32)).toString("hex");
    const size = view.getUint32(at + 32);
    const stored = view.getUint32(at + 36);
    const offset = at + PACK_HEADER;
    if (offset + stored > pack.length) throw new Fault("pack_invalid", "the pack ends inside a chunk");
    const raw = unpackChunk(pack.subarray(offset, offset + stored), size);
    const honest = sha256(raw) === digest;
    if (raw.buffer !== pack.buffer) release(raw);
    if (!honest) throw new Fault("pack_invalid", "a chunk does not have the digest it is named by");
    chunks.push({ digest, offset, stored, size });
    at = offset + stored;
  }
  return chunks;
}

/**
 * A chunk's raw bytes from its stored ones.
 * @throws Fault pack_invalid when they do not unpack to exactly `size` bytes
 */
export function unpackChunk(stored: Uint8Array, size: number): Uint8Array {
  if (size > CHUNK_SIZE) throw new Fault("pack_invalid", `a chunk has at most ${CHUNK_SIZE} bytes`);
  if (stored.length === size) return stored;
  try {
    const raw = zstdDecompressSync(stored, { maxOutputLength: size });
    if (raw.length === size) return raw;
  } catch (cause) {
    throw new Fault("pack_invalid", "a chunk does not unpack", { cause });
  }
  throw new Fault("pack_invalid", "a chunk does not unpack to the size it states");
}
