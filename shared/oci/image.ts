import { type Blob, type Compression, compressTo, jsonBlob, measure } from "./blob.ts";
import { type Entry, tar } from "./tar.ts";

export const MEDIA_TYPES = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

/** A layer as it is stored, and the digest of its tar (`diffId`), which is the same however it is compressed. */
export type Layer = { blob: Blob; mediaType: string; diffId: string };

/** An image ready to be written or pushed: `blobs` are the config and the layers, each once. */
export type Image = { manifest: Blob; blobs: Blob[] };

/** The part of an image config that says how to run it, in the words of the OCI image specification. */
export type RunConfig = {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  Labels?: Record<string, string>;
  Volumes?: Record<string, Record<string, never>>;
};

/** A layer without compression: nothing is kept, the tar is made again whenever it is read. */
export async function plainLayer(entries: readonly Entry[]): Promise<Layer> {
  const chunks = () => tar(entries);
  const { digest, size } = await measure(chunks());
  return { blob: { digest, size, chunks }, mediaType: MEDIA_TYPES.layer, diffId: digest };
}

/** A compressed layer, kept in `file`, which must stay until the image is written or pushed. */
export async function compressedLayer(entries: readonly Entry[], file: string, compression: Compression): Promise<Layer> {
  const { blob, plain } = await compressTo(file, tar(entries), compression);
  return { blob, mediaType: compression === "zstd" ? MEDIA_TYPES.layerZstd : MEDIA_TYPES.layerGzip, diffId: plain };
}

/** Config and manifest over the layers, lowest first. No time of creation: same content, same digest. */
export function makeImage(layers: readonly Layer[], run: RunConfig, architecture: "amd64" | "arm64", createdBy: string): Image {
  const config = jsonBlob({
    architecture,
    os: "linux",
    config: run,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created_by: createdBy })),
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: { mediaType: MEDIA_TYPES.config, digest: config.digest, size: config.size },
    layers: layers.map(({ blob, mediaType }) => ({ mediaType, digest: blob.digest, size: blob.size })),
  });
  const blobs = new Map([config, ...layers.map((layer) => layer.blob)].map((blob) => [blob.digest, blob]));
  return { manifest, blobs: [...blobs.values()] };
}
