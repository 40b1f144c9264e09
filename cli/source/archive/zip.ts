import { crc32 } from "node:zlib";
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from "yauzl";
import { Fault } from "#shared/fault";
import type { Pace } from "#shared/source/pace";
import { quote } from "#shared/source/source-fault";
import { MAX_ENTRIES } from "#shared/tree";
import { archiveFault, WITHOUT_IT } from "./archive-fault.ts";
import type { Meter } from "./meter.ts";
import type { UnpackTarget } from "./target.ts";

/** Systems whose zips have Unix modes: Unix and macOS. */
const UNIX = [3, 19];
const TYPE = 0o170000;
/** Some write no type, only permissions. */
const TYPES = new Map([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);
const UTF8 = 0x800;
/** What macOS puts beside the real things into its zips; nobody means to push it. */
const RESOURCE_FORKS = "__MACOSX/";
/** Bytes of a link's target, which are read into memory. */
const LONGEST_LINK = 4096;

interface Work {
  meter: Meter;
  pace: Pace;
}

/**
 * Unpacks the zip at `path`, entry by entry, as its directory lists them.
 * @throws Fault archive_invalid, source_*, interrupted; an Error of the reader for a damaged zip
 */
export async function unpackZip(path: string, target: UnpackTarget, work: Work): Promise<void> {
  const zip = await openPromise(path, { autoClose: false, decodeStrings: false });
  try {
    if (zip.entryCount > MAX_ENTRIES) throw archiveFault(`the archive has ${zip.entryCount} entries; ${MAX_ENTRIES} is the most`, { path });
    for await (const entry of zip.eachEntry()) {
      await work.pace();
      await take(zip, entry, target, work);
    }
  } finally {
    zip.close();
  }
}

async function take(zip: ZipFile, entry: Entry, target: UnpackTarget, work: Work): Promise<void> {
  const name = nameOf(entry);
  if (name.startsWith(RESOURCE_FORKS)) return;
  const mode = UNIX.includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const type = name.endsWith("/") ? "directory" : TYPES.get(mode & TYPE);
  if (type === "directory") return target.directory(name);
  if (entry.isEncrypted()) throw refusal(name, "is encrypted");
  if (!entry.canDecodeFileData()) throw refusal(name, `is compressed by method ${entry.compressionMethod}, which davit does not know`);
  if (type === undefined) {
    const details = { path: name, next: WITHOUT_IT };
    throw new Fault("source_special_file", `the entry ${quote(name)} is a device, a FIFO or a socket, which cannot be pushed`, { details });
  }
  const bytes = checked(await zip.openReadStreamPromise(entry), entry, name, work);
  if (type === "symlink") return target.symlink(name, await linkTarget(bytes, name));
  target.open(name, (mode & 0o100) !== 0);
  for await (const chunk of bytes) target.write(chunk);
  target.close();
}

/* Info-ZIP writes UTF-8 without saying so; what is not UTF-8 has the encoding of the standard, that of the first PCs. */
function nameOf({ fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): string {
  const isUtf8 = fileNameRaw.equals(Buffer.from(fileNameRaw.toString("utf8")));
  return getFileNameLowLevel(isUtf8 ? generalPurposeBitFlag | UTF8 : generalPurposeBitFlag, fileNameRaw, extraFields, true);
}

/** The bytes of an entry: counted, and in the end compared with the checksum. The reader itself compares the size. */
async function* checked(bytes: AsyncIterable<Buffer>, entry: Entry, name: string, { meter, pace }: Work): AsyncGenerator<Buffer> {
  let sum = 0;
  for await (const chunk of bytes) {
    meter.add(chunk.length);
    sum = crc32(chunk, sum);
    yield chunk;
    await pace();
  }
  if (sum !== entry.crc32) throw refusal(name, "is damaged: its checksum is another");
}

async function linkTarget(bytes: AsyncIterable<Buffer>, name: string): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of bytes) {
    size += part.length;
    if (size > LONGEST_LINK) throw refusal(name, `is a link to a name of over ${LONGEST_LINK} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function refusal(name: string, why: string): Fault {
  return archiveFault(`the entry ${quote(name)} ${why}`, { entry: name });
}
