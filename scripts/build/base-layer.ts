import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { BaseLayer } from "../../cli/image/base-layer.ts";
import { compressedLayer } from "../../shared/oci/image.ts";
import { type Entry, sortedTree } from "../../shared/oci/tar.ts";
import { type Architecture, unpackPackages } from "./debian.ts";

/** What every Bun executable loads, and nothing more; `loader` is the path that its ELF header names. */
const LIBRARIES = {
  amd64: { folder: "lib/x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  arm64: { folder: "lib/aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
} as const;
const NAMES = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"] as const;

const CA_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/** Makes the base layer of the agent's image, or takes it from the cache while this machine's package lists are the same. */
export async function makeBaseLayer(architecture: Architecture): Promise<BaseLayer> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "davit", "base-layer");
  const file = join(cache, `${architecture}-${await cacheKey()}`);
  const note = Bun.file(`${file}.json`);
  if (existsSync(file) && (await note.exists())) return { ...((await note.json()) as BaseLayer), file };
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), "davit-base-layer-"));
  try {
    const entries = await entriesOf(architecture, work);
    const unfinished = `${file}.${process.pid}.part`;
    const { blob, diffId } = await compressedLayer(entries, unfinished, "zstd");
    await rename(unfinished, file);
    const made: BaseLayer = { file, digest: blob.digest, size: blob.size, diffId, architecture };
    await Bun.write(note, JSON.stringify(made));
    return made;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Changes with what apt knows (so a new libc6 gets in after `apt-get update`) and with these files; without apt, daily. */
async function cacheKey(): Promise<string> {
  const lists = "/var/lib/apt/lists";
  const names = existsSync(lists) ? (await readdir(lists)).filter((name) => name.includes("Packages")).sort() : [];
  const states = await Promise.all(names.map(async (name) => [name, (await stat(join(lists, name))).mtimeMs]));
  const recipe = await Promise.all(["base-layer.ts", "debian.ts"].map((name) => Bun.file(join(import.meta.dir, name)).text()));
  const facts = [recipe, states.length > 0 ? states : new Date().toISOString().slice(0, 10)];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 16);
}

async function entriesOf(architecture: Architecture, work: string): Promise<Entry[]> {
  const found = await fromPackages(architecture, work).catch((error: unknown) => {
    if (process.platform === "linux" && architecture === (process.arch === "arm64" ? "arm64" : "amd64")) return fromThisMachine(architecture);
    throw error;
  });
  const text = (path: string, content: string): Entry => ({ kind: "file", path, from: Buffer.from(content) });
  return sortedTree([
    ...found,
    text(
      "etc/passwd",
      "root:x:0:0:root:/root:/sbin/nologin\ndavit:x:65532:65532:davit:/tmp:/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n",
    ),
    text("etc/group", "root:x:0:\ndavit:x:65532:\nnogroup:x:65534:\n"),
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    { kind: "directory", path: "root", mode: 0o700 },
    { kind: "directory", path: "tmp", mode: 0o1777 },
  ]);
}

/** The bundle is made from the package's certificates: this machine's own may hold CAs that are nobody else's business. */
async function fromPackages(architecture: Architecture, work: string): Promise<Entry[]> {
  const root = await unpackPackages(architecture, ["libc6", "ca-certificates"], work);
  const certificates = [...new Bun.Glob("*/*.crt").scanSync({ cwd: join(root, "usr/share/ca-certificates"), absolute: true })].sort();
  if (certificates.length === 0) throw new Error("the package ca-certificates holds no certificate");
  const bundle = await Promise.all(certificates.map(async (path) => `${(await Bun.file(path).text()).trimEnd()}\n`));
  // The licences of both ask to go with the files.
  const licences = ["libc6", "ca-certificates"].map((name) => `usr/share/doc/${name}/copyright`).filter((path) => existsSync(join(root, path)));
  return [
    ...libraries(architecture, (path) => [join(root, path), join(root, "usr", path)]),
    { kind: "file", path: "etc/ssl/certs/ca-certificates.crt", from: Buffer.from(bundle.join("")) },
    ...licences.map((path): Entry => ({ kind: "file", path, from: join(root, path) })),
  ];
}

/** Not Debian, or no network: the C library that this machine itself runs on does as well. */
function fromThisMachine(architecture: Architecture): Entry[] {
  const bundle = CA_BUNDLES.find((path) => existsSync(path));
  if (bundle === undefined) throw new Error("no CA bundle found on this machine (install ca-certificates)");
  return [
    ...libraries(architecture, (path) => ["/", "/usr", "/lib64/..", "/usr/lib64/.."].map((prefix) => join(prefix, path)).concat(elsewhere(path))),
    { kind: "file", path: "etc/ssl/certs/ca-certificates.crt", from: bundle },
  ];
}

/** Fedora, Arch and their kin have no folder per architecture. */
const elsewhere = (path: string): string[] =>
  ["/lib64", "/usr/lib64", "/usr/lib"].map((folder) => join(folder, path.slice(path.lastIndexOf("/") + 1)));

/** Each library stands twice by name: where Debian's loader looks, and as a link in /lib64, where others' look. */
function libraries(architecture: Architecture, places: (path: string) => string[]): Entry[] {
  const { folder, loader } = LIBRARIES[architecture];
  const pick = (path: string): string => {
    const found = places(path).find((place) => existsSync(place));
    if (found === undefined) throw new Error(`no ${path} found`);
    return found;
  };
  const soname = loader.slice(loader.lastIndexOf("/") + 1);
  return [
    // Debian's loader is a link into the folder of its architecture; here it is the file.
    { kind: "file", path: loader, mode: 0o755, from: pick(`${folder}/${soname}`) },
    ...NAMES.flatMap((name): Entry[] => [
      { kind: "file", path: `${folder}/${name}`, mode: 0o755, from: pick(`${folder}/${name}`) },
      { kind: "symlink", path: `lib64/${name}`, to: `../${folder}/${name}` },
    ]),
  ];
}
