import { describe, expect, test } from "bun:test";
import { closeSync, createReadStream, createWriteStream, ftruncateSync, openSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32, createGzip, gzipSync } from "node:zlib";
import { Fault } from "#shared/fault";
import { faultOf, type TempTree, tempTree } from "#shared/source/testing/temp-tree";
import { MAX_ENTRIES } from "#shared/tree";
import { Meter } from "./archive/meter.ts";
import { openSource } from "./archive.ts";
import { type TarEntry, tarHeader, tarOf, type ZipEntry, zipOf } from "./testing/archives.ts";

const ok: TarEntry & ZipEntry = { path: "Dockerfile", name: "Dockerfile", body: "FROM scratch\n" };
const GIB = 2 ** 30;

async function open(path: string, place: TempTree, signal?: AbortSignal): Promise<void> {
  const options = { path, cacheDir: join(place.path, "cache"), tempDir: join(place.path, "temp"), onNotice: () => {}, signal };
  await using _ = await openSource(options);
}

/** The fault that the archive ends in. Nothing unpacked may be left then. */
async function refusal(archive: Uint8Array, name = "shop") {
  using place = tempTree({ "temp/": "" });
  const fault = await faultOf(open(place.write(name, archive), place));
  expect(readdirSync(join(place.path, "temp"))).toEqual([]);
  return fault;
}

describe("a tar is refused that has", () => {
  test.each<[string, TarEntry[], string, string]>([
    ["a name that leads out", [ok, { path: "a/../../evil" }], "archive_invalid", '"a/../../evil" leads out'],
    ["a name that leads up and stays", [ok, { path: "a/../b" }], "archive_invalid", '"a/../b" leads out'],
    ["an absolute name", [ok, { path: "/etc/cron.d/evil" }], "archive_invalid", '"/etc/cron.d/evil" has an absolute name'],
    ["a file twice", [ok, ok], "archive_invalid", '"Dockerfile" is there twice'],
    ["a file twice, written otherwise", [ok, { path: "./Dockerfile" }], "archive_invalid", '"./Dockerfile" is there twice'],
    ["a folder that is a file", [ok, { path: "Dockerfile/", type: "Directory" }], "archive_invalid", '"Dockerfile/" is there twice'],
    ["something below a file", [ok, { path: "Dockerfile/x" }], "archive_invalid", 'lies below "Dockerfile", which is a file'],
    [
      "no name",
      [
        { path: "./", type: "File" },
        { path: ".", body: "x" },
      ],
      "archive_invalid",
      '"." has no name',
    ],
    ["a link that leads out", [ok, { path: "l", type: "SymbolicLink", linkpath: "../../etc" }], "source_link", '"l"'],
    ["an absolute link", [ok, { path: "l", type: "SymbolicLink", linkpath: "/etc/passwd" }], "source_link", '"l"'],
    [
      "something below a link that leads out",
      [ok, { path: "l", type: "SymbolicLink", linkpath: "/tmp" }, { path: "l/evil" }],
      "archive_invalid",
      '"l/evil" lies below "l", which is a link',
    ],
    [
      "a link in the place of a folder",
      [{ path: "l/x" }, { path: "l", type: "SymbolicLink", linkpath: "/tmp" }, { path: "l/evil" }],
      "archive_invalid",
      '"l" is there twice',
    ],
    ["a hard link that leads out", [ok, { path: "h", type: "Link", linkpath: "../../etc/passwd" }], "source_link", '"h"'],
    ["an absolute hard link", [ok, { path: "h", type: "Link", linkpath: "/etc/passwd" }], "source_link", '"h"'],
    ["a hard link to nothing", [ok, { path: "h", type: "Link", linkpath: "none" }], "archive_invalid", 'a hard link to "none"'],
    [
      "a hard link to a link",
      [ok, { path: "l", type: "SymbolicLink", linkpath: "/etc/passwd" }, { path: "h", type: "Link", linkpath: "l" }],
      "archive_invalid",
      'a hard link to "l"',
    ],
    ["a FIFO", [ok, { path: "queue", type: "FIFO" }], "source_special_file", '"queue" is a FIFO'],
    ["a device", [ok, { path: "disk", type: "BlockDevice" }], "source_special_file", '"disk" is a device'],
    ["another device", [ok, { path: "tty", type: "CharacterDevice" }], "source_special_file", '"tty" is a device'],
    ["a sparse file", [ok, { path: "holes", type: "SparseFile" }], "archive_invalid", '"holes" is of the type SparseFile'],
    ["a sparse file of POSIX", [ok, { path: "GNUSparseFile.0/holes" }], "archive_invalid", "stored as a sparse file"],
    ["a name of too many bytes", [ok, extension("path", "a".repeat(256)), { path: "a" }], "source_name", "over 255 bytes"],
    ["a newline in a name that needs an extension", [ok, extension("path", "one\ntwo"), { path: "one" }], "source_name", "has a newline"],
    ["an extension of over a megabyte", [{ path: "x", type: "NextFileHasLongPath", body: "x".repeat(2 << 20) }, ok], "archive_invalid", '"x" is of'],
  ])("%s", async (_, entries, code, says) => {
    expect(await refusal(tarOf(...entries))).toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test("a name that is not UTF-8", async () => {
    const tar = tarOf({ path: "caf_" });
    tar[3] = 0xe9;
    tar.write(checksumOf(tar.subarray(0, 512)), 148);
    expect(await refusal(tar)).toMatchObject({ code: "source_name", message: expect.stringContaining("is not UTF-8") });
  });

  test("too many entries", async () => {
    const blocks = Array.from({ length: MAX_ENTRIES + 1 }, (_, index) => tarHeader({ path: `l${index}`, type: "SymbolicLink", linkpath: "x" }, 0));
    const { code, message } = await refusal(gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 }));
    expect([code, message]).toEqual(["archive_invalid", `the archive has over ${MAX_ENTRIES} entries`]);
  });
});

/** What POSIX puts before an entry whose header has no room for a value. */
function extension(key: string, value: string): TarEntry {
  const record = `${key}=${value}\n`;
  const length = [2, 3].map((digits) => digits + 1 + record.length).find((sum, index) => String(sum).length === index + 2);
  return { path: "x", type: "ExtendedHeader", body: `${length} ${record}` };
}

/** A header's checksum as it is written. */
function checksumOf(header: Buffer): string {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  return `${sum.toString(8).padStart(6, "0")}\0 `;
}

describe("a zip is refused that has", () => {
  test.each<[string, ZipEntry[], string, string]>([
    ["a name that leads out", [ok, { name: "../evil" }], "archive_invalid", '"../evil" leads out'],
    ["an absolute name", [ok, { name: "/etc/evil" }], "archive_invalid", '"/etc/evil" has an absolute name'],
    ["a drive's name", [ok, { name: "C:evil" }], "archive_invalid", '"C:evil" has the name of a Windows drive'],
    ["a backslash", [ok, { name: "..\\evil" }], "archive_invalid", "has a backslash in its name"],
    ["a file twice", [ok, ok], "archive_invalid", '"Dockerfile" is there twice'],
    ["a link that leads out", [ok, { name: "l", mode: 0o120777, body: "../../etc" }], "source_link", '"l"'],
    [
      "something below a link",
      [ok, { name: "l", mode: 0o120777, body: "/tmp" }, { name: "l/evil" }],
      "archive_invalid",
      '"l/evil" lies below "l", which is a link',
    ],
    ["a link to a book", [ok, { name: "l", mode: 0o120777, body: "x".repeat(5000) }], "archive_invalid", "is a link to a name of over 4096 bytes"],
    ["a link to nowhere", [ok, { name: "l", mode: 0o120777 }], "archive_invalid", '"l" is a link to no name'],
    ["a device", [ok, { name: "disk", mode: 0o060644 }], "source_special_file", '"disk" is a device'],
    ["something encrypted", [ok, { name: "secret", flags: 1 }], "archive_invalid", '"secret" is encrypted'],
    ["an unknown compression", [ok, { name: "new", method: 93 }], "archive_invalid", '"new" is compressed by method 93'],
    ["more bytes than it says", [ok, { name: "liar", body: "x".repeat(1e6), size: 10 }], "archive_invalid", 'after the entry "liar": too many bytes'],
    ["fewer bytes than it says", [ok, { name: "liar", body: "x", size: 10 }], "archive_invalid", 'after the entry "liar": not enough bytes'],
    ["another checksum", [ok, { name: "rotten", body: "x", crc: 1 }], "archive_invalid", '"rotten" is damaged'],
  ])("%s", async (_, entries, code, says) => {
    expect(await refusal(zipOf(entries))).toMatchObject({ code, message: expect.stringContaining(says) });
  });

  test("too many entries, or fewer than it says", async () => {
    expect(await refusal(zipOf([ok], 7))).toMatchObject({
      code: "archive_invalid",
      message: expect.stringContaining('after the entry "Dockerfile"'),
    });
  });

  test("a password, made by zip itself", async () => {
    using place = tempTree({ "temp/": "", secret: "words" });
    expect(Bun.spawnSync(["zip", "-q", "-P", "pass", "a.zip", "secret"], { cwd: place.path }).exitCode).toBe(0);
    expect(await faultOf(open(join(place.path, "a.zip"), place))).toMatchObject({ code: "archive_invalid", details: { entry: "secret" } });
  });
});

describe("an archive that is cut off or damaged is refused, and leaves nothing", () => {
  const tar = tarOf(ok, { path: "a/b", body: "words".repeat(300) }, { path: "c", body: "x" });
  const kinds = {
    tar,
    gzip: gzipSync(tar),
    zstd: Buffer.from(Bun.zstdCompressSync(tar)),
    zip: zipOf([ok, { name: "a/b", body: "words".repeat(300) }]),
  };

  test.each(Object.entries(kinds))("cut off anywhere: %s", async (kind, whole) => {
    using place = tempTree({ "temp/": "" });
    const path = (length: number) => place.write("shop.tar", whole.subarray(0, length));
    // What is cut off a tar's end is only its padding.
    const most = kind === "tar" ? whole.length - 512 : whole.length;
    for (let length = 0; length < most; length += kind === "tar" ? 100 : 7) {
      expect(await faultOf(open(path(length), place))).toMatchObject({ code: "archive_invalid" });
    }
    expect(readdirSync(join(place.path, "temp"))).toEqual([]);
  });

  test.each(Object.entries(kinds))("a few bytes changed anywhere: %s", async (_, whole) => {
    using place = tempTree({ "temp/": "" });
    let seed = 7;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let round = 0; round < 150; round++) {
      const changed = Buffer.from(whole);
      for (let times = next(4); times >= 0; times--) changed[next(changed.length)] = next(256);
      const ended = await open(place.write("shop.tar", changed), place).catch((error: unknown) => error);
      // Most changes are noticed; the others hit what nobody reads, times for example. None is a bug.
      if (ended !== undefined) expect(ended).toBeInstanceOf(Fault);
    }
    expect(readdirSync(join(place.path, "temp"))).toEqual([]);
  });

  test("a gzip within a gzip is no tar", async () => {
    expect(await refusal(gzipSync(gzipSync(tar)))).toMatchObject({ code: "archive_invalid", message: expect.stringContaining("is not a tar") });
  });
});

describe("an archive that is a bomb is stopped", () => {
  const nothing = Buffer.alloc(300 << 20);

  test("a tar.gz, by what comes out of it", async () => {
    const bomb = gzipSync(tarOf(ok, { path: "zeros", body: nothing }));
    const { code, message } = await refusal(bomb);
    expect([code, message]).toEqual(["archive_invalid", expect.stringMatching(/^the archive unpacks to more than \d+ MiB/)]);
  });

  test("a zip", async () => {
    expect(await refusal(zipOf([ok, { name: "zeros", body: nothing }]))).toMatchObject({
      code: "archive_invalid",
      message: expect.stringContaining("256 MiB, the most that one so small may have (200 times its size)"),
    });
  });

  test("a tar of hard links", async () => {
    const links = Array.from({ length: 300 }, (_, index): TarEntry => ({ path: `l${index}`, type: "Link", linkpath: "file" }));
    expect(await refusal(tarOf({ path: "file", body: nothing.subarray(0, 1 << 20) }, ...links))).toMatchObject({ code: "archive_invalid" });
  });

  test("however large the archive is", () => {
    const meter = new Meter("shop.tar", 1000 * GIB);
    meter.add(20 * GIB);
    expect(() => meter.add(1)).toThrow("the archive unpacks to more than 20480 MiB, the most that an archive may have");
  });
});

test("an interrupted unpacking leaves nothing", async () => {
  for (const archive of [tarOf(ok, { path: "x", body: new Uint8Array(1 << 20) }), zipOf([ok, { name: "x", body: new Uint8Array(1 << 20) }])]) {
    using place = tempTree({ "temp/": "" });
    const stop = new AbortController();
    setImmediate(() => stop.abort());
    expect(await faultOf(open(place.write("shop", archive), place, stop.signal))).toMatchObject({ code: "interrupted" });
    expect(readdirSync(join(place.path, "temp"))).toEqual([]);
  }
});

describe("an archive of a GiB is not kept in memory", () => {
  /** A file that is zeros from its head to its tail. */
  function sparse(path: string, head: Buffer, zeros: number, tail: Buffer): void {
    const file = openSync(path, "w");
    writeSync(file, head);
    ftruncateSync(file, head.length + zeros);
    writeSync(file, tail, 0, tail.length, head.length + zeros);
    closeSync(file);
  }

  function measure(path: string, place: TempTree): { files: number; bytes: number; peak: number } {
    const script = join(import.meta.dir, "testing/open-archive.ts");
    const { stdout, stderr } = Bun.spawnSync([process.execPath, script, path, join(place.path, "temp")]);
    expect(stderr.toString()).toBe("");
    return JSON.parse(stdout.toString());
  }

  test("tar.gz", async () => {
    using place = tempTree({ "temp/": "" });
    const [tar, archive] = [join(place.path, "a.tar"), join(place.path, "a.tar.gz")];
    sparse(tar, tarHeader({ path: "big" }, GIB), GIB, Buffer.alloc(1024));
    await pipeline(createReadStream(tar), createGzip({ level: 0 }), createWriteStream(archive));
    const { peak, ...had } = measure(archive, place);
    expect(had).toEqual({ files: 1, bytes: GIB });
    expect(peak).toBeLessThan(200e6);
  });

  test("zip", async () => {
    using place = tempTree({ "temp/": "" });
    const piece = Buffer.alloc(GIB / 64);
    let crc = 0;
    for (let pieces = 0; pieces < 64; pieces++) crc = crc32(piece, crc);
    // An empty file's zip, made longer where the file's bytes belong.
    const small = zipOf([{ name: "big", method: 0, crc, size: GIB }]);
    const at = small.indexOf("PK\x01\x02", 0, "latin1");
    for (const field of [18, at + 20]) small.writeUInt32LE(GIB, field);
    small.writeUInt32LE(at + GIB, small.length - 6);
    sparse(join(place.path, "a.zip"), small.subarray(0, at), GIB, small.subarray(at));
    const { peak, ...had } = measure(join(place.path, "a.zip"), place);
    expect(had).toEqual({ files: 1, bytes: GIB });
    expect(peak).toBeLessThan(200e6);
  });
});
