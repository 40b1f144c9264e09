import { createReadStream, statSync } from "node:fs";
import { sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { Fault } from "#shared/fault";
import { createPace, type Pace } from "#shared/source/pace";
import { fileFault, quote } from "#shared/source/source-fault";
import { archiveFault } from "./archive-fault.ts";
import type { ArchiveKind } from "./kind.ts";
import { Meter } from "./meter.ts";
import { unpackTar } from "./tar.ts";
import { UnpackTarget, writeFault } from "./target.ts";
import { unpackZip } from "./zip.ts";

/** Bytes that come out of a decompressor at once. */
const CHUNK = 256 * 1024;

export interface UnpackOptions {
  path: string;
  kind: ArchiveKind;
  /** An empty folder. */
  folder: string;
  signal?: AbortSignal | undefined;
  /** Told how many bytes came out so far. */
  onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Unpacks an archive, a chunk at a time, so that memory stays small whatever it holds. What was written when it fails is
 * left to the caller.
 * @throws Fault archive_invalid, source_*, interrupted
 */
export async function unpack({ path, kind, folder, signal, onBytes }: UnpackOptions): Promise<void> {
  const meter = new Meter(path, statSync(path).size, onBytes);
  const pace = createPace(signal);
  using target = new UnpackTarget(folder, meter, kind === "zip" || sep === "\\");
  try {
    if (kind === "zip") await unpackZip(path, target, { meter, pace });
    else await pipeline([createReadStream(path), ...decompressor(kind), (bytes) => unpackTar(counted(bytes, meter, pace), target)]);
    target.finish();
  } catch (error) {
    throw unpackFault(error, { path, folder, entry: target.last });
  }
}

function decompressor(kind: ArchiveKind): NodeJS.ReadWriteStream[] {
  if (kind === "tar") return [];
  return [kind === "tar.gz" ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK })];
}

async function* counted(bytes: AsyncIterable<Uint8Array>, meter: Meter, pace: Pace): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    meter.add(chunk.length);
    yield chunk;
    const rest = pace();
    if (rest) await rest;
  }
}

/* The readers of archives throw a plain Error for what they do not like; any other class of errors is a bug of ours. */
function unpackFault(error: unknown, at: { path: string; folder: string; entry: string | undefined }): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  if ("syscall" in error) return fileFault(writeFault(error, at.entry ?? at.path, at.folder), at.path);
  if (error.name !== "Error") return error;
  const place = at.entry === undefined ? "at its beginning" : `at or after the entry ${quote(at.entry)}`;
  return archiveFault(
    `the archive is damaged or cut off, ${place}: ${error.message}`,
    { path: at.path, ...(at.entry === undefined ? {} : { entry: at.entry }) },
    error,
  );
}
