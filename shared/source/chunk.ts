import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { changedFault, fileFault } from "./source-fault.ts";
import { asWalkedFile, type WalkedFile } from "./walk.ts";

/*
 * What was a file during the walk may be a link or a FIFO by now: the one is not followed, the other not waited for.
 * Windows has no such flags.
 */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A file that is open for reading, until disposed; `found` is what it was when it was opened. */
export interface OpenFile extends Disposable {
  readonly fd: number;
  readonly found: WalkedFile;
}

/** @throws Fault source_unreadable; source_changed when there is no file at `path` any more */
export function openFile(root: string, path: string): OpenFile {
  try {
    const fd = openSync(`${root}/${path}`, FLAGS);
    const stat = fstatSync(fd);
    if (stat.isFile()) return { fd, found: asWalkedFile(path, stat), [Symbol.dispose]: () => closeSync(fd) };
    closeSync(fd);
  } catch (error) {
    throw fileFault(error, path);
  }
  throw changedFault(path);
}

/**
 * Fills `into` from `offset` (bytes) of the file.
 * @throws Fault source_changed when the file ends before that; source_unreadable
 */
export function readFully(file: OpenFile, into: Uint8Array, offset: number): void {
  try {
    for (let at = 0; at < into.length; ) {
      const read = readSync(file.fd, into, at, into.length - at, offset + at);
      if (read === 0) throw changedFault(file.found.path);
      at += read;
    }
  } catch (error) {
    throw fileFault(error, file.found.path);
  }
}

/** @throws Fault source_changed when the file is no longer what it was when it was opened */
export function checkUnchanged(file: OpenFile): void {
  const now = fstatSync(file.fd);
  if (now.size !== file.found.size || now.mtimeMs !== file.found.mtimeMs) throw changedFault(file.found.path);
}
