import { describe, expect, test } from "bun:test";
import { chmodSync, linkSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { faultOf, type TempTree, tempTree } from "#shared/source/testing/temp-tree";
import { treeId } from "#shared/tree";
import { type OpenSource, openSource } from "./archive.ts";
import { tarOf, zipOf } from "./testing/archives.ts";

/** A folder with all that a source can have, and a place beside it for archives of it. */
function world() {
  const source = tempTree({ Dockerfile: "FROM scratch\n", "app/é.txt": "words", "a b/c": "1", zero: "", "empty/": "", "big.bin": noise(5 << 20) });
  source.write("run.sh", "#!/bin/sh\n");
  chmodSync(join(source.path, "run.sh"), 0o755);
  symlinkSync("../zero", join(source.path, "app/link"));
  linkSync(join(source.path, "run.sh"), join(source.path, "run-too.sh"));
  const place = tempTree(["temp/"]);
  return { source, place, [Symbol.dispose]: () => [source, place].forEach((tree) => void tree[Symbol.dispose]()) };
}

/** Bytes that no compressor makes much smaller; the same every time. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0, seed = 1; index < size; index++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    bytes[index] = seed >>> 16;
  }
  return bytes;
}

function open(path: string, place: TempTree, notices: string[] = []): Promise<OpenSource> {
  return openSource({ path, cacheDir: join(place.path, "cache"), tempDir: join(place.path, "temp"), onNotice: (message) => notices.push(message) });
}

const left = (place: TempTree) => readdirSync(join(place.path, "temp"));

/** What a shell's command writes to `archive`, run in `cwd`. */
function make(command: string, cwd: string, archive: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", command], { cwd, env: { ...process.env, ARCHIVE: archive } });
  expect(`${exitCode} ${stderr}`).toBe("0 ");
}

describe("an archive is the folder that it was made of", () => {
  test.each([
    ["tar --format=v7 -cf $ARCHIVE ."],
    ["tar --format=ustar -cf $ARCHIVE ."],
    ["tar --format=gnu -cf $ARCHIVE *"],
    ["tar --format=posix -cf $ARCHIVE ."],
    ["tar -czf $ARCHIVE ."],
    ["tar -cf - . | gzip -9 > $ARCHIVE; : | gzip >> $ARCHIVE"],
    ["zip -qry $ARCHIVE ."],
    ["zip -qry -0 $ARCHIVE *"],
  ])("%s", async (command) => {
    using all = world();
    const { source, place } = all;
    const archive = join(place.path, "archive.zip");
    make(command, source.path, archive);
    await using folder = await open(source.path, place);
    await using opened = await open(archive, place);
    expect(treeId(opened.entries)).toBe(treeId(folder.entries));
    expect([opened.files, opened.bytes]).toEqual([folder.files, folder.bytes]);
  });

  test("a zip that was written to a pipe, with sizes after the bytes", async () => {
    using source = tempTree({ Dockerfile: "FROM scratch\n", "a/b": noise(1 << 20) });
    using place = tempTree(["temp/"]);
    make("zip -qr - . | cat > $ARCHIVE", source.path, join(place.path, "a.zip"));
    await using folder = await open(source.path, place);
    await using opened = await open(join(place.path, "a.zip"), place);
    expect(treeId(opened.entries)).toBe(treeId(folder.entries));
  });

  test("a tar that zstd made smaller, in more than one frame", async () => {
    using all = world();
    const { source, place } = all;
    const archive = join(place.path, "archive");
    make("tar -cf $ARCHIVE .", source.path, archive);
    const tar = await Bun.file(archive).bytes();
    await Bun.write(archive, Buffer.concat([tar.subarray(0, 1e6), tar.subarray(1e6)].map((part) => Bun.zstdCompressSync(part))));
    await using folder = await open(source.path, place);
    await using opened = await open(archive, place);
    expect(treeId(opened.entries)).toBe(treeId(folder.entries));
  });

  test.each(["gnu", "posix"])("names that are longer than a header has room for: %s", async (format) => {
    using source = tempTree({ [`${"long-é/".repeat(60)}x`]: "deep", "a\nb": "two lines" });
    symlinkSync(`${"long-é/".repeat(60)}x`, join(source.path, "link"));
    using place = tempTree(["temp/"]);
    make(`tar --format=${format} -cf $ARCHIVE .`, source.path, join(place.path, "a.tar"));
    await using folder = await open(source.path, place);
    await using opened = await open(join(place.path, "a.tar"), place);
    expect(treeId(opened.entries)).toBe(treeId(folder.entries));
  });

  test("nothing of it stays behind, once it is closed", async () => {
    using place = tempTree({ "temp/": "", a: tarOf({ path: "x" }) });
    const opened = await open(place.write("a", tarOf({ path: "x" })), place);
    expect(left(place)).toHaveLength(1);
    await opened[Symbol.asyncDispose]();
    expect(left(place)).toEqual([]);
  });
});

describe("what the source is", () => {
  async function read(archive: Buffer) {
    using place = tempTree({ "temp/": "" });
    const notices: string[] = [];
    await using opened = await open(place.write("shop.bin", archive), place, notices);
    return { paths: opened.entries.map(({ path }) => path), notices };
  }

  test("one folder, with nothing beside it, stands for what is in it", async () => {
    const top = await read(tarOf({ path: "shop-1.2/", type: "Directory" }, { path: "shop-1.2/Dockerfile" }, { path: "shop-1.2/src/x" }));
    expect(top).toEqual({ paths: ["Dockerfile", "src/x"], notices: ["shop.bin has one folder, shop-1.2: the source is what is in it"] });
    expect((await read(zipOf([{ name: "shop/x" }, { name: "__MACOSX/shop/._x" }]))).paths).toEqual(["x"]);
    expect((await read(zipOf([{ name: "x" }, { name: "__MACOSX/" }, { name: "__MACOSX/._x" }]))).paths).toEqual(["x"]);
    expect(await read(tarOf({ path: "shop/x" }, { path: "y" }))).toEqual({ paths: ["shop/x", "y"], notices: [] });
    expect((await read(tarOf({ path: "x" }))).paths).toEqual(["x"]);
  });

  test("ignore rules hold, and a link from folder to folder stays", async () => {
    const entries = [{ path: "top/.gitignore", body: "*.log\n" }, { path: "top/a.log" }, { path: "top/b/c" }];
    const link = { path: "top/b/link", type: "SymbolicLink" as const, linkpath: "../.gitignore" };
    expect((await read(tarOf(...entries, link))).paths).toEqual([".gitignore", "b/c", "b/link"]);
  });

  test("a zip's modes are those of Unix when Unix made it, and names are UTF-8 or what PCs had", async () => {
    using place = tempTree({ "temp/": "" });
    const zip = zipOf([
      { name: "unix", mode: 0o100744 },
      { name: "dos", mode: 0o100755, host: 0 },
      { name: "bare", mode: 0o755 },
      { name: "é", flags: 0 },
      { name: Buffer.from([0x82, 0x2e]), flags: 0 },
      { name: "dir", mode: 0o040755 },
    ]);
    await using opened = await open(place.write("x.zip", zip), place);
    expect(opened.entries.map((entry) => [entry.path, entry.kind === "file" ? entry.mode.toString(8) : entry.kind])).toEqual([
      ["bare", "755"],
      ["dir", "directory"],
      ["dos", "644"],
      ["unix", "755"],
      ["é", "644"],
      ["é.", "644"],
    ]);
  });

  test("the kind is what the file is, whatever it is called", async () => {
    expect((await read(gzipSync(tarOf({ path: "x" })))).paths).toEqual(["x"]);
    using place = tempTree({ "temp/": "" });
    const fault = (name: string, bytes: string | Uint8Array) => faultOf(open(place.write(name, bytes), place));
    expect(await fault("Dockerfile", "FROM scratch\n".repeat(50))).toMatchObject({ code: "source_not_directory" });
    expect(await fault("empty", "")).toMatchObject({ code: "source_not_directory" });
    expect(await fault("photo.jpg", Buffer.alloc(1000, 0xff))).toMatchObject({ code: "source_not_directory" });
    expect(await fault("shop.tar.gz", "words")).toMatchObject({ code: "archive_invalid", message: expect.stringContaining("named like an archive") });
    const foreign = { "Rar!\x1a\x07\x01\x00": "RAR", "7z\xbc\xaf\x27\x1c": "7z", "\xfd7zXZ\0": "xz", BZh9: "bzip2", "PK\x07\x08": "split zip" };
    for (const [magic, kind] of Object.entries(foreign)) {
      expect(await fault("a.zip", Buffer.from(magic, "latin1"))).toMatchObject({ code: "archive_invalid", message: expect.stringContaining(kind) });
    }
    expect(await fault("nothing.tar", tarOf())).toMatchObject({ code: "source_empty", message: expect.stringContaining("nothing.tar") });
    const ignored = tarOf({ path: "top/.gitignore", body: "*\n" }, { path: "top/x" });
    const message = expect.stringMatching(/^ignore rules leave out all that is in the archive ".*ignored.tar"$/);
    expect(await fault("ignored.tar", ignored)).toMatchObject({ code: "source_empty", message });
    expect(await fault("nothing.zip", zipOf([]))).toMatchObject({ code: "source_empty" });
    expect(await fault("nothing.tgz", gzipSync(tarOf()))).toMatchObject({ code: "source_empty" });
  });
});
