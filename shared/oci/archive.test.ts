import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { list } from "tar";
import { temporaryFolder } from "#test/temporary";
import { readArchive, tagOf, writeArchive } from "./archive.ts";
import { compressTo } from "./blob.ts";
import { compressedLayer, type Layer, makeImage, plainLayer } from "./image.ts";
import { type Entry, sortedTree, tar, tarFiles } from "./tar.ts";

const text = (path: string, content: string): Entry => ({ kind: "file", path, from: Buffer.from(content) });

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** One layer of each kind, the compressed ones kept in `folder`. */
const layersIn = async (folder: string): Promise<Layer[]> => [
  await plainLayer([text("a", "one")]),
  await compressedLayer([text("b", "two")], join(folder, "zstd"), "zstd"),
  await compressedLayer([text("c", "three")], join(folder, "gzip"), "gzip"),
];

async function contentsOf(file: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  await list({
    file,
    strict: true,
    onReadEntry: (entry) => {
      const parts: Buffer[] = [];
      entry.on("data", (part) => parts.push(part)).on("end", () => contents.set(entry.path, Buffer.concat(parts)));
    },
  });
  return contents;
}

test("an archive holds what its index names, and every blob is what its name says", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const image = makeImage(await layersIn(folder), { Entrypoint: ["/b"] }, "amd64", "test");
  await writeArchive(join(folder, "image.tar"), image, "registry.example.com:5000/some/thing:1.0");

  const contents = await contentsOf(join(folder, "image.tar"));
  const json = (path: string) => JSON.parse(contents.get(path)?.toString() ?? "null");
  const [entry] = json("index.json").manifests;
  expect(entry.digest).toBe(image.manifest.digest);
  expect(entry.annotations).toEqual({
    "io.containerd.image.name": "registry.example.com:5000/some/thing:1.0",
    "org.opencontainers.image.ref.name": "1.0",
  });
  const blob = (digest: string) => contents.get(`blobs/sha256/${digest.slice(7)}`) ?? Buffer.alloc(0);
  const manifest = JSON.parse(blob(entry.digest).toString());
  const config = JSON.parse(blob(manifest.config.digest).toString());
  const [first, second, third] = manifest.layers.map((layer: { digest: string }) => blob(layer.digest));
  expect(config.rootfs.diff_ids).toEqual([first, zstdDecompressSync(second), gunzipSync(third)].map(digestOf));
  for (const { digest, size } of [entry, manifest.config, ...manifest.layers])
    expect([digestOf(blob(digest)), blob(digest).byteLength]).toEqual([digest, size]);
});

test("an archive is read back as the image that was written", async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, "image.tar");
  const image = makeImage(await layersIn(temporary.path), {}, "amd64", "test");
  await writeArchive(path, image, "a:1");
  const read = await readArchive(path);
  for (const blob of [read.manifest, ...read.blobs]) {
    const bytes = Buffer.concat(await Array.fromAsync(blob.chunks()));
    expect([digestOf(bytes), bytes.byteLength]).toEqual([blob.digest, blob.size]);
  }
  expect([read.manifest, ...read.blobs].map(({ digest }) => digest)).toEqual([image.manifest, ...image.blobs].map(({ digest }) => digest));
});

test("a damaged archive is not read", async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, "image.tar");
  await writeArchive(path, makeImage(await layersIn(temporary.path), {}, "amd64", "test"), "a:1");
  const bytes = await readFile(path);
  for (const damaged of [bytes.subarray(0, 3000), Buffer.concat([bytes.subarray(0, 100), bytes])]) {
    await Bun.write(path, damaged);
    await expect(readArchive(path)).rejects.toThrow("is damaged");
  }
});

test.each(["zstd", "gzip"] as const)("%s: the same bytes give the same digest, however they come", async (compression) => {
  await using temporary = await temporaryFolder();
  const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `${(index * index) % 9973} `).join(""));
  async function* cutBy(size: number) {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const made = [1 << 16, 777, bytes.length].map(async (size) => await compressTo(join(temporary.path, String(size)), cutBy(size), compression));
  const digests = (await Promise.all(made)).map(({ blob }) => blob.digest);
  expect(new Set(digests).size).toBe(1);
});

test("an archive that cannot be finished leaves nothing behind", async () => {
  await using temporary = await temporaryFolder();
  const folder = temporary.path;
  const layer = await plainLayer([text("a", "one")]);
  const torn = { ...layer, blob: { ...layer.blob, size: layer.blob.size + 1 } };
  const image = makeImage([torn], {}, "amd64", "test");
  await expect(writeArchive(join(folder, "image.tar"), image, "a:1")).rejects.toThrow("instead of");
  expect(await readdir(folder)).toEqual([]);
});

test("a tree gets the folders above its files, in order, and keeps the modes it was given", () => {
  const tree = sortedTree([text("usr/bin/b", ""), { kind: "directory", path: "tmp", mode: 0o1777 }, text("usr/bin/a", "")]);
  expect(tree.map((entry) => entry.path)).toEqual(["tmp", "usr", "usr/bin", "usr/bin/a", "usr/bin/b"]);
  expect(tree[0]).toEqual({ kind: "directory", path: "tmp", mode: 0o1777 });
});

test("tar(1) reads what is written, and so do we", async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, "t.tar");
  const long = `${"folder/".repeat(20)}file`;
  const entries: Entry[] = [{ kind: "directory", path: "d" }, text("d/f", "hello"), { kind: "symlink", path: "l", to: "d/f" }, text(long, "deep")];
  await Bun.write(path, Buffer.concat(await Array.fromAsync(tar(entries))));
  expect(Bun.spawnSync(["tar", "-xf", path, "-C", temporary.path]).exitCode).toBe(0);
  expect(await readFile(join(temporary.path, "l"), "utf8")).toBe("hello");
  expect(await readFile(join(temporary.path, long), "utf8")).toBe("deep");
  expect([...(await tarFiles(path)).keys()]).toEqual(["d/", "d/f", "l", long]);
});

test("long paths fit by the ustar prefix, and what does not fit is refused", async () => {
  const long = `${"folder/".repeat(20)}file`;
  expect(await Array.fromAsync(tar([text(long, "x")]))).toHaveLength(4);
  await expect(Array.fromAsync(tar([text("x".repeat(101), "x")]))).rejects.toThrow("does not fit");
});

test.each([
  ["davit", "latest"],
  ["localhost:5000/davit", "latest"],
  ["localhost:5000/davit:2", "2"],
])("the tag of %s is %s", (reference, tag) => expect(tagOf(reference)).toBe(tag));
