/** An image's name, taken apart and filled in as nodes do it. */
export interface ImageReference {
  /** Host, and port if there is one. */
  registry: string;
  repository: string;
  tag: string;
  digest: string | undefined;
}

const DOCKER_HUB = "docker.io";
const HUB_NAMES = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** `nginx` as `docker.io/library/nginx:latest`. Takes what shared/app.ts calls an ImageRef. */
export function parseImage(text: string): ImageReference {
  const [named = "", digest] = text.split("@");
  const slash = named.indexOf("/");
  const first = named.slice(0, Math.max(0, slash));
  // A first part that could not be a folder of Docker Hub is a host.
  const host = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase() ? first : undefined;
  const path = host === undefined ? named : named.slice(slash + 1);
  const colon = path.lastIndexOf(":");
  const repository = colon < 0 ? path : path.slice(0, colon);
  const registry = host === undefined || HUB_NAMES.has(host) ? DOCKER_HUB : host;
  return {
    registry,
    repository: registry === DOCKER_HUB && !repository.includes("/") ? `library/${repository}` : repository,
    tag: colon < 0 ? "latest" : path.slice(colon + 1),
    digest,
  };
}

/** The image by its digest, whatever tag it was asked for with. */
export function byDigest({ registry, repository }: ImageReference, digest: string): string {
  return `${registry}/${repository}@${digest}`;
}

export function byTag({ registry, repository, tag }: ImageReference): string {
  return `${registry}/${repository}:${tag}`;
}

/** Where a registry's API is. */
export function apiOf(registry: string): URL {
  return new URL(`https://${registry === DOCKER_HUB ? "registry-1.docker.io" : registry}`);
}
