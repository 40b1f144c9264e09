import { pushImage } from "#cli/image/push-image";
import type { V1Deployment } from "#shared/kube/objects";
import { type Layer, makeImage, plainLayer } from "#shared/oci/image";
import { kube, server } from "#test/lab";

const BASE = "oven/bun";

interface Manifest {
  config: { digest: string };
  layers: { digest: string; size: number; mediaType: string }[];
}

/** Where the installation says that images of Docker Hub come from: the agent asks there, and the nodes pull there. */
async function mirrorUrl(): Promise<string> {
  const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace: "davit", name: "davit-agent" };
  const agent = await (await kube()).get<V1Deployment>(ref);
  const env = agent?.spec?.template.spec?.containers[0]?.env ?? [];
  const mirrors = env.find(({ name }) => name === "DAVIT_REGISTRY_MIRRORS")?.value ?? "";
  const found = /(?:^|,)docker\.io=([^,]+)/.exec(mirrors)?.[1];
  if (found) return found;
  throw new Error("davit was installed without --registry-mirror docker.io=URL, so there is no place for a test's image");
}

/** Puts an image into the mirror of Docker Hub whose app answers `text`; gives its digest. */
export async function publishApp(repository: string, tag: string, text: string): Promise<string> {
  const mirror = await mirrorUrl();
  const get = async <T>(path: string, accept: string): Promise<T> =>
    (await (await fetch(`${mirror}/v2/${path}`, { headers: { accept } })).json()) as T;
  const { config, layers } = await get<Manifest>(`${BASE}/manifests/1`, "application/vnd.oci.image.manifest.v1+json");
  const base = await get<{ architecture: "amd64" | "arm64"; config: object; rootfs: { diff_ids: string[] } }>(
    `${BASE}/blobs/${config.digest}`,
    "*/*",
  );
  for (const { digest } of layers) await fetch(`${mirror}/v2/${repository}/blobs/uploads/?mount=${digest}&from=${BASE}`, { method: "POST" });
  const below = layers.map(({ digest, size, mediaType }, index): Layer => {
    const diffId = base.rootfs.diff_ids[index] ?? "";
    return { blob: { digest, size, chunks: () => mounted(digest) }, mediaType, diffId };
  });
  const own = await plainLayer([{ kind: "file", path: "srv/server.ts", from: Buffer.from(server(text)) }]);
  const image = makeImage([...below, own], { ...base.config, Cmd: ["/usr/local/bin/bun", "/srv/server.ts"] }, base.architecture, "test");
  return await pushImage(image, { host: new URL(mirror).host, repository, tag }, { insecureHttp: mirror.startsWith("http:") });
}

/* biome-ignore lint/correctness/useYield: it only ever fails. */
async function* mounted(digest: string): AsyncGenerator<Uint8Array> {
  throw new Error(`the mirror did not mount ${digest}`);
}
