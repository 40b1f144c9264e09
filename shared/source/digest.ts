import { sha256 } from "../pack.ts";
import { CHUNK_SIZE, chunkLength } from "../tree.ts";
import { checkUnchanged, openFile, readFully } from "./chunk.ts";
import { createPace } from "./pace.ts";
import type { WalkedFile } from "./walk.ts";

/** A file with the sha256 of each of its chunks, in order. */
export interface DigestedFile {
  file: WalkedFile;
  chunks: string[];
}

/**
 * Reads the file at a path below the source's root, a chunk at a time, so that memory stays at one chunk whatever the size.
 * What the file was when it was opened counts, not what the walk saw: between the two it may change as it likes.
 * @throws Fault source_changed for a file that changes while it is read; source_unreadable; interrupted
 */
export type Digester = (path: string) => Promise<DigestedFile>;

/**
 * A digester for one file after the other: reading from the page cache is bound by the processor, and from a disk the
 * kernel reads ahead, so files side by side gain nothing.
 * @param onRead told the bytes of every chunk that was read
 */
export function createDigester(root: string, options: { signal?: AbortSignal | undefined; onRead?: (bytes: number) => void } = {}): Digester {
  const pace = createPace(options.signal);
  const buffer = new Uint8Array(CHUNK_SIZE);
  return async (path) => {
    using file = openFile(root, path);
    const { size } = file.found;
    const chunks: string[] = [];
    for (let offset = 0; offset < size; offset += CHUNK_SIZE) {
      const chunk = buffer.subarray(0, chunkLength(size, chunks.length));
      readFully(file, chunk, offset);
      chunks.push(sha256(chunk));
      options.onRead?.(chunk.length);
      const rest = pace();
      if (rest) await rest;
    }
    checkUnchanged(file);
    return { file: file.found, chunks };
  };
}
