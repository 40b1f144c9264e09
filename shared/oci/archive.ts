import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { Blob } from "./blob.ts";
import { type Image, MEDIA_TYPES } from "./image.ts";
import { type Entry, type Stream, tar, tarFiles } from "./tar.ts";

/** An OCI image layout in one tar, as containerd (`ctr images import`), podman, skopeo and Docker read it; `reference` names the image there. */
function archive(image: Image, reference: string): AsyncGenerator<Uint8Array> {
  const { manifest, blobs } = image;
  const index = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [
      {
        mediaType: MEDIA_TYPES.manifest,
        digest: manifest.digest,
        size: manifest.size,
        annotations: { "io.containerd.image.name": reference, "org.opencontainers.image.ref.name": tagOf(reference) },
      },
    ],
  };
  return tar([
    json("oci-layout", { imageLayoutVersion: "1.0.0" }),
    json("index.json", index),
    ...[manifest, ...blobs].map((blob): Entry => ({ kind: "file", path: pathOf(blob.digest), from: blob })),
  ]);
}

/** Writes the archive to `path`; a file of that name is replaced only when the new one is complete. */
export async function writeArchive(path: string, image: Image, reference: string): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  try {
    await pipeline(Readable.from(archive(image, reference)), createWriteStream(unfinished));
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** The image of an archive that {@link writeArchive} wrote; its blobs are read from the file when they are needed. */
export async function readArchive(path: string): Promise<Image> {
  const files = await tarFiles(path);
  const blob = (digest: string): Blob => {
    const found = files.get(pathOf(digest));
    if (!found) throw new Error(`${path} has no ${digest}`);
    return { digest, ...found };
  };
  const named = Index.parse(await jsonOf(files.get("index.json"))).manifests[0];
  const manifest = blob(named.digest);
  const { config, layers } = Manifest.parse(await jsonOf(manifest));
  return { manifest, blobs: [config, ...layers].map(({ digest }) => blob(digest)) };
}

const Descriptor = z.object({ digest: z.string() });
const Index = z.object({ manifests: z.tuple([Descriptor]) });
const Manifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });

async function jsonOf(stream: Stream | undefined): Promise<unknown> {
  return JSON.parse(Buffer.concat(stream ? await Array.fromAsync(stream.chunks()) : []).toString());
}

const pathOf = (digest: string): string => `blobs/sha256/${digest.slice("sha256:".length)}`;

/** The tag of `host:5000/name:tag`; a reference without one means `latest`. */
export function tagOf(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  const colon = last.lastIndexOf(":");
  return colon < 0 ? "latest" : last.slice(colon + 1);
}

const json = (path: string, value: unknown): Entry => ({ kind: "file", path, from: new TextEncoder().encode(JSON.stringify(value)) });
