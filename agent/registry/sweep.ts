import type { Descriptor, Layout } from "./layout.ts";
import type { ImageName, StoredRepository, Swept } from "./storage-api.ts";

/** The repositories and their images, of one namespace or of all. */
export async function readStorage(layout: Layout, namespace?: string): Promise<StoredRepository[]> {
  const names = await layout.repositories(namespace);
  return await Promise.all(names.map(async (name) => ({ name, images: await readImages(layout, name) })));
}

async function readImages(layout: Layout, repository: string): Promise<StoredRepository["images"]> {
  const [images, tags] = await Promise.all([layout.images(repository), layout.tags(repository)]);
  const byDigest = Map.groupBy(tags, ({ digest }) => digest);
  return await Promise.all(
    [...images].map(async ([digest, pushedAt]) => {
      const own = byDigest.get(digest) ?? [];
      const parts = (await layout.parts(digest)) ?? [];
      return {
        digest,
        tags: own.map(({ tag }) => tag).sort(),
        usedAt: Math.max(pushedAt, ...own.map(({ at }) => at)),
        bytes: parts.reduce((sum, { size }) => sum + size, 0),
      };
    }),
  );
}

export interface SweepOptions {
  /** Whether a push may count on what this repository has; all of that stays. */
  isSpared: (repository: string) => boolean;
  without: readonly ImageName[];
  dryRun: boolean;
  signal: AbortSignal;
}

/**
 * Frees every blob that no image refers to, then the links to it, and repositories that are empty. Interrupted anywhere it
 * has taken nothing that anybody refers to; nothing may be linked while it runs.
 */
export async function sweep(layout: Layout, references: References, options: SweepOptions): Promise<Swept> {
  const { isSpared, dryRun, signal } = options;
  const { needed, empty } = await mark(layout, references, options);
  const act = async (work: () => Promise<void>) => {
    signal.throwIfAborted();
    if (!dryRun) await work();
  };
  for (const repository of await layout.repositories()) {
    if (isSpared(repository)) continue;
    for (const digest of await layout.layers(repository)) if (!needed.has(digest)) await act(() => layout.removeLayer(repository, digest));
  }
  const swept: Swept = { blobs: 0, bytes: 0, repositories: empty };
  for (const { digest, bytes } of await layout.blobs()) {
    if (needed.has(digest)) continue;
    await act(() => layout.removeBlob(digest));
    swept.blobs += 1;
    swept.bytes += bytes;
  }
  for (const repository of empty) await act(() => layout.removeRepository(repository));
  return swept;
}

/** Every blob that is needed, and the repositories that have no image. @throws Error for an image that cannot be understood: then nothing is known */
async function mark(
  layout: Layout,
  references: References,
  { isSpared, without }: Pick<SweepOptions, "isSpared" | "without">,
): Promise<{ needed: Set<string>; empty: string[] }> {
  const gone = new Set(without.map(({ repository, digest }) => `${repository}@${digest}`));
  const needed = new Set<string>();
  const empty: string[] = [];
  for (const repository of await layout.repositories()) {
    const images = [...(await layout.images(repository)).keys()].filter((digest) => !gone.has(`${repository}@${digest}`));
    for (const image of images) {
      needed.add(image);
      for (const { digest } of await references.of(image)) needed.add(digest);
    }
    if (isSpared(repository)) for (const digest of await layout.layers(repository)) needed.add(digest);
    else if (images.length === 0) empty.push(repository);
  }
  return { needed, empty };
}

/** What images refer to, read once: a digest means the same for ever. */
export class References {
  readonly #layout: Layout;
  readonly #known = new Map<string, Descriptor[]>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async of(image: string): Promise<Descriptor[]> {
    const known = this.#known.get(image) ?? (await this.#layout.parts(image));
    if (known) this.#known.set(image, known);
    return known ?? [];
  }

  /** Reads all that is there, so that little is left to read while pushes wait. */
  async load(): Promise<void> {
    for (const repository of await this.#layout.repositories()) {
      for (const image of (await this.#layout.images(repository)).keys()) await this.of(image);
    }
  }
}
