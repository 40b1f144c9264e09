import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "#shared/fault";
import { compressedLayer, type Image, type Layer, MEDIA_TYPES, makeImage, type RunConfig } from "#shared/oci/image";
import { type Entry, sortedTree } from "#shared/oci/tar";
import { VERSION } from "#shared/version";
import { type BaseLayer, baseLayer } from "./base-layer.ts";

const RUN: RunConfig = {
  User: "65532:65532",
  Env: ["PATH=/davit", "HOME=/tmp", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
  Entrypoint: ["/davit/davit"],
  Labels: {
    "org.opencontainers.image.title": "davit",
    "org.opencontainers.image.version": VERSION,
    "org.opencontainers.image.licenses": "Apache-2.0",
  },
};

/** Makes the agent's image from this very executable and hands it to `use`; its layer lives in a folder that is gone afterwards. */
export async function withAgentImage<T>(
  use: (image: Image) => Promise<T>,
  base: BaseLayer | null = baseLayer,
  executable = process.execPath,
): Promise<T> {
  if (base === null) throw notHere();
  const folder = await mkdtemp(join(tmpdir(), "davit-image-"));
  try {
    const own = await compressedLayer(ownEntries(executable), join(folder, "layer"), "zstd");
    return await use(makeImage([embedded(base), own], RUN, base.architecture, "davit image"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const ownEntries = (executable: string): Entry[] => sortedTree([{ kind: "file", path: "davit/davit", mode: 0o755, from: executable }]);

function embedded(base: BaseLayer): Layer {
  const blob = { digest: base.digest, size: base.size, chunks: () => Bun.file(base.file).stream() };
  return { blob, mediaType: MEDIA_TYPES.layerZstd, diffId: base.diffId };
}

function notHere(): Fault {
  const why =
    process.platform === "linux"
      ? "this davit runs from source, or was built without the image's base layer"
      : `this davit is built for ${process.platform}`;
  return new Fault("usage", `The agent's image holds the compiled davit for Linux itself, and ${why}.`, {
    details: { next: "bun run build && dist/davit image save davit.tar" },
  });
}
