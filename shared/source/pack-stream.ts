import { encodeFrame, PACK_SIZE, sha256 } from "../pack.ts";
import { release } from "../release.ts";
import { CHUNK_SIZE, chunkLength, type FileEntry, type TreeEntry } from "../tree.ts";
import { openFile, readFully } from "./chunk.ts";
import { createPace, type Pace } from "./pace.ts";
import { changedFault } from "./source-fault.ts";

/** A pack with what is in it. `rawBytes` counts its chunks before compression. */
export interface Pack {
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
  chunks: string[];
  rawBytes: number;
}

export interface PackOptions {
  root: string;
  /** Sorted by path, which is the order in which the files are read. */
  entries: readonly TreeEntry[];
  /** Digests of the chunks to send; one that several files have is sent once. */
  missing: Iterable<string>;
  signal?: AbortSignal | undefined;
}

/**
 * The missing chunks in packs of at most PACK_SIZE bytes. A pack is built when it is asked for, so memory holds no more
 * than the one being built and those that the caller keeps.
 * @throws Fault source_changed for a file that no longer has the chunks it was digested with; source_unreadable; interrupted
 */
export async function* packStream(options: PackOptions): AsyncGenerator<Pack, void> {
  let frames: Frame[] = [];
  let length = 0;
  for await (const frame of frameStream(options)) {
    if (length + frame.bytes.length > PACK_SIZE) {
      yield join(frames, length);
      frames = [];
      length = 0;
    }
    frames.push(frame);
    length += frame.bytes.length;
  }
  if (frames.length > 0) yield join(frames, length);
}

interface Frame {
  digest: string;
  bytes: Uint8Array;
  rawBytes: number;
}

async function* frameStream(options: PackOptions): AsyncGenerator<Frame, void> {
  const missing = new Set(options.missing);
  const reading = { root: options.root, missing, pace: createPace(options.signal), buffer: new Uint8Array(CHUNK_SIZE) };
  for (const entry of options.entries) {
    if (missing.size === 0) return;
    if (entry.kind === "file" && entry.chunks.some((chunk) => missing.has(chunk))) yield* framesOf(entry, reading);
  }
}

interface Reading {
  root: string;
  missing: Set<string>;
  pace: Pace;
  buffer: Uint8Array;
}

async function* framesOf(entry: FileEntry, reading: Reading): AsyncGenerator<Frame, void> {
  using file = openFile(reading.root, entry.path);
  for (const [index, digest] of entry.chunks.entries()) {
    if (!reading.missing.delete(digest)) continue;
    const raw = reading.buffer.subarray(0, chunkLength(entry.size, index));
    readFully(file, raw, index * CHUNK_SIZE);
    if (sha256(raw) !== digest) throw changedFault(entry.path);
    yield { digest, bytes: encodeFrame(digest, raw), rawBytes: raw.length };
    const rest = reading.pace();
    if (rest) await rest;
  }
}

function join(frames: readonly Frame[], length: number): Pack {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame.bytes, at);
    at += frame.bytes.length;
    release(frame.bytes);
  }
  const rawBytes = frames.reduce((sum, frame) => sum + frame.rawBytes, 0);
  return { sha256: sha256(bytes), bytes, chunks: frames.map((frame) => frame.digest), rawBytes };
}
