import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeArchive } from "../../shared/oci/archive.ts";
import type { Compression } from "../../shared/oci/blob.ts";
import { compressedLayer, type Image, type Layer, makeImage, type RunConfig } from "../../shared/oci/image.ts";
import type { Entry } from "../../shared/oci/tar.ts";
import { building, type Cache } from "./build.ts";
import { markUsed, removeUnused } from "./cache.ts";

/** An image to make from local files; `layers` lie on each other. gzip is what public images have; zstd is on the node in half the time. */
export type ImageSpec = { reference: string; config: RunConfig; layers: Entry[][]; compression: Compression };
/** An image's archive in the cache, and the digest of its manifest. */
export type Archive = { reference: string; path: string; digest: string };

/** The image's OCI archive in the cache. */
export async function ensureArchive(layout: Cache, spec: ImageSpec, say: (line: string) => void): Promise<Archive> {
  const name = spec.reference.replaceAll(/[/:]/g, "_");
  const file = `${name}-${await specKey(spec)}`;
  const present = await cached(layout.archives, file);
  if (present) return present;
  return building(layout, say, async () => {
    // Somebody else may have made it in the meantime.
    const made = await cached(layout.archives, file);
    if (made) return made;
    say(`image ${spec.reference}`);
    await mkdir(layout.archives, { recursive: true });
    await removeUnused(layout.archives, (other) => other.startsWith(`${name}-`));
    return makeArchive(join(layout.archives, file), spec);
  });
}

async function cached(folder: string, file: string): Promise<Archive | undefined> {
  const [path, note] = [join(folder, `${file}.tar`), join(folder, `${file}.json`)];
  if (!existsSync(path) || !existsSync(note)) return undefined;
  await Promise.all([path, note].map(markUsed));
  return (await Bun.file(note).json()) as Archive;
}

/** Writes `base`.tar, and then what it is to `base`.json: a note says that the archive is complete. */
async function makeArchive(base: string, spec: ImageSpec): Promise<Archive> {
  const layers = `${base}.layers`;
  // An up that was killed may have left some.
  await rm(layers, { recursive: true, force: true });
  await mkdir(layers);
  try {
    const image = await imageOf(spec, layers);
    await writeArchive(`${base}.tar`, image, spec.reference);
    const archive: Archive = { reference: spec.reference, path: `${base}.tar`, digest: image.manifest.digest };
    await Bun.write(`${base}.json`, JSON.stringify(archive));
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
