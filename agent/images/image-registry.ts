import type { ImageName, StoredRepository, SweepOrder, Swept } from "../registry/storage-api.ts";

/** The registry that davit's builds push to and nodes pull from: davit's own, or another that it may use. Repositories are `<namespace>/<app>`. */
export interface ImageRegistry {
  /** What the names of all its images begin with: the host, and what else stands before the namespace. */
  readonly name: string;
  /** The same for nodes, where they reach it by another way than builds. */
  readonly nodeName: string;
  readonly host: string;
  /** Whether it is encrypted, and by what certificate. */
  readonly wire: Wire;
  /** Docker's config.json for one build of the app. */
  buildLogin(namespace: string, app: string): Promise<string>;
  /** Docker's config.json for the nodes that run a tenant's apps; another `id` means another credential. */
  pullLogin(namespace: string): Promise<{ id: string; config: () => Promise<string> }>;
  /** The digest of what a repository has by a tag or a digest. @throws Fault registry_unavailable, as the others here */
  findDigest(repository: string, reference: string, signal: AbortSignal): Promise<string | undefined>;
  /** The repositories of a namespace; without one, those of all as far as they can be known. */
  read(namespace?: string): Promise<StoredRepository[]>;
  /** Takes images out of their repositories, and tells which it could not. */
  remove(images: readonly ImageName[]): Promise<Left[]>;
  /** Frees what no image refers to. `busy` tells the apps that pushes are under way of. */
  sweep(order: Pick<SweepOrder, "without" | "dryRun">, busy: () => string[]): Promise<Swept>;
}

/** `private`: the CA of the trust bundle's registry.crt. */
export type Wire = "public" | "private" | "plain";

/** An image that stays although it was to go. */
export interface Left extends ImageName {
  why: string;
}

/** What an image may be described by. */
export const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** The app's repository, as clients name it. */
export function repositoryOf({ name }: Pick<ImageRegistry, "name">, namespace: string, app: string): string {
  return `${name}/${namespace}/${app}`;
}

/** The image without the registry's name, whoever calls it that; undefined for one of another registry. */
export function ownName({ name, nodeName }: Names, image: string): string | undefined {
  const said = [name, nodeName].find((known) => image.startsWith(`${known}/`));
  return said === undefined ? undefined : image.slice(said.length + 1);
}

type Names = Pick<ImageRegistry, "name" | "nodeName">;

/** What a node calls the image. Everywhere else it has the name by which it was built. */
export function imageForNodes(registry: Names, image: string): string {
  const own = ownName(registry, image);
  return own === undefined ? image : `${registry.nodeName}/${own}`;
}

/** Whether the registry has the image, which is one of its own. @throws Fault registry_unavailable */
export async function hasImage(registry: ImageRegistry, image: string, signal: AbortSignal): Promise<boolean> {
  const [repository = "", digest = ""] = (ownName(registry, image) ?? "").split("@");
  return (await registry.findDigest(repository, digest, signal)) !== undefined;
}
