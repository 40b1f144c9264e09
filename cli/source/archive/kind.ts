import { closeSync, openSync, readSync } from "node:fs";
import { Fault } from "#shared/fault";
import { fileFault, quote } from "#shared/source/source-fault";
import { archiveFault } from "./archive-fault.ts";
import { isTar, TAR_BLOCK } from "./tar.ts";

export type ArchiveKind = "tar" | "tar.gz" | "tar.zst" | "zip";

const READ = ".tar, .tar.gz, .tar.zst and .zip";

/** What a file of each kind begins with, in hex. A zstd file may begin with a frame that is to be skipped. */
const OURS: readonly [RegExp, ArchiveKind][] = [
  [/^1f8b/, "tar.gz"],
  [/^(28b52ffd|5.2a4d18)/, "tar.zst"],
  [/^504b(0304|0506)/, "zip"],
];
const FOREIGN: readonly [RegExp, string][] = [
  [/^526172211a07/, "RAR"],
  [/^377abcaf271c/, "7z"],
  [/^fd377a585a00/, "xz"],
  [/^425a683/, "bzip2"],
  [/^504b0708/, "split zip"],
];
const NAMED = /\.(tar|tgz|tzst|zip|tar\.\w+)$/i;

/**
 * What the file at `path` is, by what it begins with: names lie.
 * @throws Fault archive_invalid for an archive of another kind, source_not_directory for what is none, source_unreadable
 */
export function archiveKind(path: string): ArchiveKind {
  const head = readHead(path);
  const text = head.toString("hex");
  const kind = OURS.find(([magic]) => magic.test(text))?.[1];
  if (kind) return kind;
  if (isTar(head)) return "tar";
  const foreign = FOREIGN.find(([magic]) => magic.test(text))?.[1];
  if (foreign) throw archiveFault(`${quote(path)} is of the kind ${foreign}; davit reads ${READ}`, { path });
  if (NAMED.test(path)) throw archiveFault(`${quote(path)} is named like an archive and is none; davit reads ${READ}`, { path });
  throw new Fault("source_not_directory", `${quote(path)} is neither a folder nor an archive (${READ})`, { details: { path } });
}

function readHead(path: string): Buffer {
  const head = Buffer.alloc(TAR_BLOCK);
  try {
    const file = openSync(path, "r");
    try {
      return head.subarray(0, readSync(file, head));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileFault(error, path);
  }
}
