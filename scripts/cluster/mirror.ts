import { pushImage } from "../../cli/image/push-image.ts";
import { readArchive } from "../../shared/oci/archive.ts";
import { MEDIA_TYPES } from "../../shared/oci/image.ts";
import { ClusterError } from "./fail.ts";
import { type Layout, mirrorPort } from "./layout.ts";
import type { Archive } from "./oci.ts";

const hostOf = (layout: Layout): string => `${layout.net.node}:${mirrorPort}`;
export const mirrorUrl = (layout: Layout): string => `http://${hostOf(layout)}`;

export const mirrorAnswers = (layout: Layout): Promise<boolean> =>
  fetch(`${mirrorUrl(layout)}/v2/`, { signal: AbortSignal.timeout(1000) }).then(
    (response) => response.ok,
    () => false,
  );

/** Puts an image of the cache into the mirror, under its own tag and `latest`, unless it is there. */
export async function publish(layout: Layout, archive: Archive): Promise<void> {
  const host = hostOf(layout);
  const [repository = "", tag = ""] = archive.reference.split(":");
  const there = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { method: "HEAD", headers: { accept: MEDIA_TYPES.manifest } });
  if (there.headers.get("docker-content-digest") === archive.digest) return;
  const image = await readArchive(archive.path).catch((cause) => {
    throw new ClusterError(`${archive.path} is damaged: delete it and run up again`, { cause });
  });
  for (const as of [tag, "latest"])
    await pushImage(image, { host, repository, tag: as }, { insecureHttp: true }).catch((cause) => {
      throw new ClusterError(`the image mirror did not take ${archive.reference}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
}
