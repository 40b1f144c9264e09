import { Header, Parser, type ReadEntry } from "tar";
import { Fault } from "#shared/fault";
import { quote } from "#shared/source/source-fault";
import { archiveFault, WITHOUT_IT } from "./archive-fault.ts";
import type { UnpackTarget } from "./target.ts";

/** Bytes of a header, and what every other part of a tar is a multiple of. */
export const TAR_BLOCK = 512;

const SPECIAL: Record<string, string> = { FIFO: "a FIFO", CharacterDevice: "a device", BlockDevice: "a device" };

/** Whether a tar can begin with these bytes: its first header has a checksum, and an empty one begins with zeros. */
export function isTar(head: Buffer): boolean {
  if (head.length < TAR_BLOCK) return false;
  try {
    const { cksumValid, nullBlock } = new Header(head);
    return cksumValid || nullBlock;
  } catch {
    return false; // a number in it is none
  }
}

/**
 * Unpacks the tar that `bytes` are. Nothing is kept in memory but the current chunk: entries are written while the
 * parser goes over it.
 * @throws Fault archive_invalid, source_*; an Error of the parser for a damaged tar
 */
export async function unpackTar(bytes: AsyncIterable<Uint8Array>, target: UnpackTarget): Promise<void> {
  const parser = new Parser({ strict: true });
  let ended = false;
  parser.on("eof", () => {
    ended = true;
  });
  parser.on("meta", checkExtension);
  parser.on("entry", (entry: ReadEntry) => take(entry, target));
  // What the parser would leave out without a word: types that it does not know, and extensions of over a megabyte.
  parser.on("ignoredEntry", ({ path, type }: ReadEntry) => {
    throw refusal(path, `is of the type ${type}, which davit does not unpack`);
  });
  // After its end a tar is padded. To be fed with that, the parser would gather all of it.
  for await (const chunk of fromHeader(bytes)) if (!ended) parser.write(chunk);
  if (ended) return;
  parser.end();
  throw new Error("it ends without a tar's end");
}

/* The parser takes a compressed tar too, and would decompress it uncounted: what is in a tar.gz has to be a tar. */
async function* fromHeader(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (head.length >= TAR_BLOCK) {
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < TAR_BLOCK) continue;
    if (!isTar(head)) break;
    yield head;
  }
  if (!isTar(head)) throw new Error("what is in it is not a tar");
}

function take(entry: ReadEntry, target: UnpackTarget): void {
  const { path, type, linkpath = "", mode = 0 } = entry;
  // GNU's and BSD's way to store a file with holes; its bytes begin with a map.
  if (path.includes("GNUSparseFile.")) throw refusal(path, "is stored as a sparse file, which davit does not unpack");
  if (type === "File" || type === "OldFile" || type === "ContiguousFile") {
    target.open(path, (mode & 0o100) !== 0);
    entry.on("data", (bytes) => target.write(bytes));
    entry.on("end", () => target.close());
    return;
  }
  if (type === "Directory") target.directory(path);
  else if (type === "SymbolicLink") target.symlink(path, linkpath);
  else if (type === "Link") target.hardLink(path, linkpath);
  else throw special(path, type);
  entry.resume();
}

/*
 * The parser reads an extension line by line and leaves out what does not fit. A name with a newline in it is such a
 * line: the entry would get the shortened name of its header.
 */
function checkExtension(text: string): void {
  const broken = text.split("\n").find((line) => /^\d+ (path|linkpath)=/.test(line) && Number.parseInt(line, 10) !== Buffer.byteLength(line) + 1);
  if (broken === undefined) return;
  const name = broken.slice(broken.indexOf("=") + 1);
  const details = { path: name, next: WITHOUT_IT };
  throw new Fault("source_name", `the name of the entry that begins with ${quote(name)} has a newline or is not UTF-8`, { details });
}

function special(path: string, type: string): Fault {
  const kind = SPECIAL[type] ?? `of the type ${type}`;
  return new Fault("source_special_file", `the entry ${quote(path)} is ${kind}, which cannot be pushed`, {
    details: { path, kind, next: WITHOUT_IT },
  });
}

function refusal(path: string, why: string): Fault {
  return archiveFault(`the entry ${quote(path)} ${why}`, { entry: path, next: WITHOUT_IT });
}
