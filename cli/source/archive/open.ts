import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { Fault } from "#shared/fault";
import { readTree } from "#shared/source/read-tree";
import { quote } from "#shared/source/source-fault";
import type { OpenOptions, OpenSource } from "../archive.ts";
import { archiveKind } from "./kind.ts";
import { unpack } from "./unpack.ts";

/**
 * Unpacks the archive at `path` into a folder of its own and reads that. When the archive has one folder and nothing
 * beside it, as those of code hosts have, the source is what is in the folder.
 * @throws Fault source_*, archive_invalid, tree_invalid or interrupted; then nothing unpacked is left
 */
export async function openArchive({ path, tempDir, signal, onProgress, onNotice }: OpenOptions): Promise<OpenSource> {
  const kind = archiveKind(path);
  await using resources = new AsyncDisposableStack();
  const folder = ownFolder(tempDir, resources);
  // How much it will be in the end, no archive says for sure.
  await unpack({ path, kind, folder, signal, onBytes: (done) => onProgress?.({ done, total: 0 }) });
  const top = topFolder(folder);
  if (top !== undefined) onNotice(`${basename(path)} has one folder, ${top}: the source is what is in it`);
  const root = top === undefined ? folder : join(folder, top);
  if (readdirSync(root).length === 0) throw empty(path, "there is nothing in the archive");
  const { files, ...tree } = await readTree({ root, signal, onProgress }).catch((error) => {
    throw error instanceof Fault && error.code === "source_empty" ? empty(path, "ignore rules leave out all that is in the archive") : error;
  });
  const kept = resources.move();
  return { ...tree, root, files: files.length, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/* Nobody knows the folder that it was unpacked into. */
function empty(path: string, why: string): Fault {
  return new Fault("source_empty", `${why} ${quote(path)}`, { details: { path } });
}

/** A new folder, which goes with `resources`, and with the process when that is ended in the midst of the work. */
function ownFolder(tempDir: string, resources: AsyncDisposableStack): string {
  const folder = makeFolder(tempDir);
  const sweep = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", sweep);
  resources.defer(async () => {
    await rm(folder, { recursive: true, force: true });
    process.off("exit", sweep);
  });
  return folder;
}

function makeFolder(tempDir: string): string {
  try {
    return mkdtempSync(join(tempDir, "davit-"));
  } catch (cause) {
    const details = { path: tempDir, next: "name a folder that can be written to: `TMPDIR=FOLDER davit push …`" };
    throw new Fault("source_unreadable", `an archive cannot be unpacked below ${quote(tempDir)}`, { cause, details });
  }
}

function topFolder(folder: string): string | undefined {
  const [top, ...others] = readdirSync(folder, { withFileTypes: true });
  return top?.isDirectory() && others.length === 0 ? top.name : undefined;
}
