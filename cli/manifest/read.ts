import { readFileSync, statSync } from "node:fs";
import { Fault } from "#shared/fault";
import type { ManifestFile } from "./find.ts";
import { type ManifestApp, parseManifest } from "./parse.ts";

/** Nobody writes so much by hand; values that are so large belong into a configuration. */
const MOST_BYTES = 256 * 1024;

/**
 * The apps that a manifest's file describes, in order.
 * @throws Fault manifest_invalid
 */
export function readManifest(file: ManifestFile): ManifestApp[] {
  const fail = (why: string, cause?: unknown) => new Fault("manifest_invalid", `${file.shown} ${why}`, { cause, details: { file: file.shown } });
  let bytes: Buffer;
  try {
    const found = statSync(file.path);
    if (!found.isFile()) throw fail("is not a file");
    if (found.size > MOST_BYTES) throw fail(`is larger than ${MOST_BYTES / 1024} kB`);
    bytes = readFileSync(file.path);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw fail(code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "?"})`, error);
  }
  return parseManifest(decode(bytes, fail), file);
}

function decode(bytes: Buffer, fail: (why: string, cause?: unknown) => Fault): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw fail("is not UTF-8", error);
  }
}
