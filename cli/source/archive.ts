import { statSync } from "node:fs";
import { type ReadOptions, type ReadSource, readSource } from "./read-source.ts";

/** A source that can be read until it is disposed of. What was unpacked for it goes then. */
export interface OpenSource extends ReadSource, AsyncDisposable {}

export interface OpenOptions extends ReadOptions {
  /** Where archives are unpacked. */
  tempDir: string;
  /** Told what a person should know about how an archive is understood. */
  onNotice: (message: string) => void;
}

/**
 * Reads the folder at `path`, or what the archive there holds.
 * @throws Fault source_*, archive_invalid, tree_invalid or interrupted; then nothing unpacked is left
 */
export async function openSource(options: OpenOptions): Promise<OpenSource> {
  if (!isFile(options.path)) return { ...(await readSource(options)), async [Symbol.asyncDispose]() {} };
  const { openArchive } = await import("./archive/open.ts");
  return await openArchive(options);
}

/* What is neither a file nor a folder is the walk's to complain about. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
