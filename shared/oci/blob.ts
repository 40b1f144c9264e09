import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { bodyOf, type Stream } from "./tar.ts";

/** Bytes with their name: `sha256:<hex>`. */
export type Blob = Stream & { digest: string };

/** Digest and length of a stream, without keeping it. */
export async function measure(chunks: AsyncIterable<Uint8Array>): Promise<{ digest: string; size: number }> {
  const meter = newMeter();
  for await (const chunk of chunks) meter.add(chunk);
  return meter.result();
}

function bytesBlob(bytes: Uint8Array): Blob {
  return { digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, ...bodyOf(bytes) };
}

export function jsonBlob(value: unknown): Blob {
  return bytesBlob(new TextEncoder().encode(JSON.stringify(value)));
}

/** How a layer can be compressed: zstd is both smaller and faster, gzip is what public images have. */
export type Compression = keyof typeof COMPRESSORS;

/** 107 MB of bun: 50.1 MB in 1.6 s with zstd, which every containerd since 1.5 takes, against 52.3 MB in 2.9 s with gzip. */
const COMPRESSORS = { zstd: createZstdCompress, gzip: createGzip } as const;

const PIECE = 1 << 16;

/** Writes the stream to `file`, compressed, and names both the result and what went in (`plain`). */
export async function compressTo(file: string, chunks: AsyncIterable<Uint8Array>, compression: Compression): Promise<{ blob: Blob; plain: string }> {
  const [before, after] = [newMeter(), newMeter()];
  await pipeline(
    Readable.from(metered(evenly(chunks), before)),
    COMPRESSORS[compression](),
    (compressed: AsyncIterable<Uint8Array>) => metered(compressed, after),
    createWriteStream(file),
  );
  return { blob: { ...after.result(), chunks: () => Bun.file(file).stream() }, plain: before.result().digest };
}

/** What a compressor makes of bytes depends on the pieces they come in, and a file's come as the disk likes: all get one size. */
async function* evenly(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafe(PIECE);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; ) {
      const part = chunk.subarray(at, at + PIECE - filled);
      piece.set(part, filled);
      at += part.byteLength;
      filled += part.byteLength;
      if (filled < PIECE) continue;
      yield piece;
      // A new one each time: the compressor may still read the last.
      piece = Buffer.allocUnsafe(PIECE);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

type Meter = { add(chunk: Uint8Array): void; result(): { digest: string; size: number } };

function newMeter(): Meter {
  const hash = createHash("sha256");
  let size = 0;
  return {
    add(chunk) {
      hash.update(chunk);
      size += chunk.byteLength;
    },
    result: () => ({ digest: `sha256:${hash.digest("hex")}`, size }),
  };
}

async function* metered(chunks: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    meter.add(chunk);
    yield chunk;
  }
}

/** Not `ReadableStream.from`, which Bun has and its types have not. */
export function webStream(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
