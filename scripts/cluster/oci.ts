import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeArchive } from "../../shared/oci/archive.ts";
import type { Compression } from "../../shared/oci/blob.ts";
import { compressedLayer, type Image, type Layer, makeImage, type RunConfig } from "../../shared/oci/image.ts";
import type { Entry } from "../../shared/oci/tar.ts";

/** An image to make from local files; `layers` lie on each other. gzip is what public images have; zstd is on the node in half the time. */
export type ImageSpec = { reference: string; config: RunConfig; layers: Entry[][]; compression: Compression };
/** An image's archive in the cache, and the digest of its manifest. */
export type Archive = { reference: string; path: string; digest: string };

/** Writes the image as an OCI archive unless the cache has it already; older versions of it are removed. */
export async function ensureArchive(folder: string, spec: ImageSpec, say: (line: string) => void): Promise<Archive> {
  const name = spec.reference.replaceAll(/[/:]/g, "_");
  const file = `${name}-${await specKey(spec)}`;
  const [path, note] = [join(folder, `${file}.tar`), join(folder, `${file}.json`)];
  if (existsSync(path) && existsSync(note)) return JSON.parse(readFileSync(note, "utf8")) as Archive;
  say(`image ${spec.reference}`);
  await mkdir(folder, { recursive: true });
  for (const old of await readdir(folder)) if (old.startsWith(`${name}-`)) await rm(join(folder, old), { recursive: true });
  const layers = join(folder, `${file}.layers`);
  await mkdir(layers);
  try {
    const image = await imageOf(spec, layers);
    await writeArchive(path, image, spec.reference);
    const archive: Archive = { reference: spec.reference, path, digest: image.manifest.digest };
    await Bun.write(note, JSON.stringify(archive));
    return archive;
  } finally {
    await rm(layers, { recursive: true });
  }
}

async function imageOf(spec: ImageSpec, folder: string): Promise<Image> {
  const layers: Layer[] = [];
  for (const entries of spec.layers) layers.push(await compressedLayer(entries, join(folder, String(layers.length)), spec.compression));
  return makeImage(layers, spec.config, process.arch === "arm64" ? "arm64" : "amd64", "scripts/cluster");
}

/** Names the content without reading large files: a file of the cache has its key in its path, others are told by size and time. */
async function specKey(spec: ImageSpec): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([spec.reference, spec.config, spec.compression]));
  for (const entry of spec.layers.flat()) {
    hash.update(JSON.stringify({ ...entry, from: undefined }));
    if (entry.kind !== "file") continue;
    if (entry.from instanceof Uint8Array) hash.update(entry.from);
    else if (typeof entry.from === "string") {
      const { size, mtimeMs } = await stat(entry.from);
      hash.update(JSON.stringify([entry.from, size, mtimeMs]));
    }
  }
  return hash.digest("hex").slice(0, 16);
}
