import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { list, type ReadEntry } from "tar";
import { temporaryFolder } from "#test/temporary";
import manifest from "../../package.json" with { type: "json" };
import { binary, davit } from "./davit.ts";

type Item = { type: string; mode: number; uid: number; mtime: number; linkpath: string; bytes: Buffer };

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function read(tar: Uint8Array): Promise<Map<string, Item>> {
  const items = new Map<string, Item>();
  const keep = (entry: ReadEntry) => {
    const parts: Buffer[] = [];
    const { type, mode = 0, uid = -1, mtime, linkpath = "" } = entry;
    entry.on("data", (part) => parts.push(part));
    entry.on("end", () => items.set(entry.path, { type, mode, uid, mtime: mtime?.getTime() ?? -1, linkpath, bytes: Buffer.concat(parts) }));
  };
  const parser = list({ strict: true, onReadEntry: keep });
  await new Promise((resolve, reject) => parser.on("end", resolve).on("error", reject).end(Buffer.from(tar)));
  return items;
}

/** The archive as a registry or containerd would take it: every digest and size is checked on the way. */
async function open(path: string) {
  const archive = await read(await Bun.file(path).bytes());
  const blob = ({ digest, size }: { digest: string; size: number }): Buffer => {
    const bytes = archive.get(`blobs/sha256/${digest.slice("sha256:".length)}`)?.bytes ?? Buffer.alloc(0);
    expect([sha256(bytes), bytes.byteLength]).toEqual([digest, size]);
    return bytes;
  };
  const json = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes ?? []).toString());
  expect(json(archive.get("oci-layout")?.bytes)).toEqual({ imageLayoutVersion: "1.0.0" });
  const index = json(archive.get("index.json")?.bytes);
  const image = json(blob(index.manifests[0]));
  const config = json(blob(image.config));
  const layers = image.layers.map((layer: { digest: string; size: number }) => zstdDecompressSync(blob(layer)));
  expect(layers.map(sha256)).toEqual(config.rootfs.diff_ids);
  return { archive, annotations: index.manifests[0].annotations, config, layers: await Promise.all(layers.map(read)) };
}

test("the saved image is whole, and holds this very executable and what it needs", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const ran = await davit(["image", "save", "image.tar", "--tag", "registry.example.com/davit:7"], { cwd });
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  const { archive, annotations, config, layers } = await open(join(cwd, "image.tar"));
  expect(annotations).toEqual({ "io.containerd.image.name": "registry.example.com/davit:7", "org.opencontainers.image.ref.name": "7" });
  expect(config).toMatchObject({ architecture: "amd64", os: "linux", config: { User: "65532:65532", Entrypoint: ["/davit/davit"] } });
  expect(config.config.Env).toContain("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt");

  const [base, own] = layers;
  expect([...own.keys()]).toEqual(["davit/", "davit/davit"]);
  expect(own.get("davit/davit")).toMatchObject({ mode: 0o755, uid: 0 });
  expect(sha256(own.get("davit/davit").bytes)).toBe(sha256(await Bun.file(binary).bytes()));
  const libraries = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"].map((name) => `lib/x86_64-linux-gnu/${name}`);
  for (const path of ["lib64/ld-linux-x86-64.so.2", ...libraries]) expect(base.get(path)?.bytes.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  expect(base.get("tmp/").mode).toBe(0o1777);
  expect(base.get("etc/passwd").bytes.toString()).toMatch(/^root:x:0:.*\ndavit:x:65532:65532:.*\nnobody:/);
  expect(
    base
      .get("etc/ssl/certs/ca-certificates.crt")
      .bytes.toString()
      .match(/BEGIN CERTIFICATE/g).length,
  ).toBeGreaterThan(50);
  for (const items of [archive, ...layers]) expect([...items.values()].filter(({ mtime, uid }) => mtime !== 0 || uid !== 0)).toEqual([]);
});

test("saving twice gives the same bytes, without keeping them in memory", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const runs = [await davit(["image", "save", "one.tar"], { cwd }), await davit(["image", "save", "two.tar", "-o", "json"], { cwd })];
  const [one, two] = await Promise.all(["one.tar", "two.tar"].map((name) => Bun.file(join(cwd, name)).bytes()));
  expect(sha256(one ?? Buffer.alloc(0))).toBe(sha256(two ?? Buffer.alloc(1)));
  expect(JSON.parse(runs[1]?.stdout ?? "")).toMatchObject({ image: `davit:${manifest.version}`, file: join(cwd, "two.tar") });
  // The executable alone has more than 100 MB.
  for (const { peakBytes } of runs) {
    expect(peakBytes).toBeGreaterThan(10e6);
    expect(peakBytes).toBeLessThan(160e6);
  }
});
