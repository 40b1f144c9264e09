import { crc32, deflateRawSync } from "node:zlib";
import { Header } from "tar";

/* Archives made by hand, because no tool makes the ones that davit has to refuse. */

/** An entry of a tar. */
export interface TarEntry {
  path: string;
  type?: Header["type"];
  body?: string | Uint8Array;
  linkpath?: string;
  mode?: number;
}

const BLOCK = 512;

/** A tar with its end. */
export function tarOf(...entries: TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(tarParts), Buffer.alloc(2 * BLOCK)]);
}

/** The header of a tar's entry that has so many bytes. */
export function tarHeader({ path, type = "File", linkpath = "", mode = 0o644 }: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  new Header({ path, type, mode, size, linkpath, mtime: new Date(0) }).encode(block);
  return block;
}

function tarParts(entry: TarEntry): Buffer[] {
  const body = Buffer.from(entry.body ?? "");
  return [tarHeader(entry, body.length), body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
}

/** An entry of a zip. What is not given is as a zip of Unix has it. */
export interface ZipEntry {
  name: string | Uint8Array;
  body?: string | Uint8Array;
  /** 0 is stored, 8 deflated. */
  method?: number;
  /** Mode with its type, as `ls` shows it. */
  mode?: number;
  /** The system that made it: 3 is Unix, 0 DOS. */
  host?: number;
  flags?: number;
  /** What the zip says of the body, when that is to be a lie. */
  size?: number;
  crc?: number;
}

/** A zip with its directory; `count` is the number of entries that it claims to have. */
export function zipOf(entries: readonly ZipEntry[], count: number = entries.length): Buffer {
  const locals: Buffer[] = [];
  const listed: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const { name, common, stored } = zipParts(entry);
    const local = Buffer.concat([bytesOf([4, 0x04034b50], [2, 20]), common, bytesOf([2, name.length], [2, 0]), name, stored]);
    const { host = 3, mode = 0o100644 } = entry;
    const directory = [bytesOf([4, 0x02014b50], [2, (host << 8) | 30], [2, 20]), common, bytesOf([2, name.length], [2, 0], [2, 0], [2, 0], [2, 0])];
    listed.push(...directory, bytesOf([4, (mode << 16) >>> 0], [4, offset]), name);
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(listed);
  return Buffer.concat([...locals, directory, zipEnd(count, directory.length, offset)]);
}

function zipEnd(count: number, size: number, offset: number): Buffer {
  return bytesOf([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]);
}

/* `common` is what stands alike before the body and in the directory: flags to uncompressed size. */
function zipParts(entry: ZipEntry): { name: Buffer; common: Buffer; stored: Buffer } {
  const body = Buffer.from(entry.body ?? "");
  const { method = 8, flags = 0x800, size = body.length, crc = crc32(body) } = entry;
  const stored = method === 8 ? deflateRawSync(body) : body;
  return {
    name: Buffer.from(entry.name),
    common: bytesOf([2, flags], [2, method], [2, 0], [2, 0x21], [4, crc], [4, stored.length], [4, size]),
    stored,
  };
}

/** Little-endian numbers of so many bytes. */
function bytesOf(...fields: [bytes: number, value: number][]): Buffer {
  const buffer = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
}
