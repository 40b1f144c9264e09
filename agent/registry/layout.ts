import { readdir, readFile, rm, rmdir, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/*
 * Distribution's files, in the layout that it calls v2 and has kept since 2015:
 *
 *   blobs/sha256/<2 digits>/<hex>/data
 *   repositories/<name>/_manifests/revisions/sha256/<hex>/link      an image
 *   repositories/<name>/_manifests/tags/<tag>/current/link          holds the digest that the tag means
 *   repositories/<name>/_manifests/tags/<tag>/index/…               what it meant before
 *   repositories/<name>/_layers/sha256/<hex>/link                   a blob that the repository may use
 *   repositories/<name>/_uploads/<id>/                              on its way
 */

const PREFIX = "sha256:";
const Descriptor = z.object({ digest: z.string(), size: z.number() });
/** The parts of an image's manifest, or of an index, that refer to blobs. */
const Manifest = z.object({
  config: Descriptor.optional(),
  layers: z.array(Descriptor).optional(),
  manifests: z.array(Descriptor).optional(),
  subject: Descriptor.optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

/** Reads and deletes in distribution's folder; `root` is what distribution calls its root directory. */
export class Layout {
  readonly #root: string;

  constructor(root: string) {
    this.#root = join(root, "docker", "registry", "v2");
  }

  /** Every repository below `namespace`, or every one. */
  async repositories(namespace?: string): Promise<string[]> {
    const found: string[] = [];
    const look = async (name: string) => {
      const entries = await namesIn(this.#repository(name));
      if (entries.some((entry) => entry.startsWith("_"))) found.push(name);
      for (const entry of entries) if (!entry.startsWith("_")) await look(name ? `${name}/${entry}` : entry);
    };
    await look(namespace ?? "");
    return found.sort();
  }

  /** The repository's images by digest, with the time at which each was pushed last. */
  async images(repository: string): Promise<Map<string, number>> {
    return await links(join(this.#repository(repository), "_manifests", "revisions", "sha256"));
  }

  /** The blobs that the repository may use. */
  async layers(repository: string): Promise<string[]> {
    return [...(await links(join(this.#repository(repository), "_layers", "sha256"))).keys()];
  }

  /** What each tag means, and when it was last set or touched. */
  async tags(repository: string): Promise<{ tag: string; digest: string; at: number }[]> {
    const tags = await namesIn(join(this.#repository(repository), "_manifests", "tags"));
    const read = async (tag: string) => {
      const link = this.#tag(repository, tag);
      const [digest, at] = await Promise.all([absent(readFile(link, "utf8")), timeOf(link)]);
      return digest === undefined || at === undefined ? [] : [{ tag, digest, at }];
    };
    return (await Promise.all(tags.map(read))).flat();
  }

  /** Notes that a tag was asked for. */
  async touchTag(repository: string, tag: string): Promise<void> {
    const now = new Date();
    await absent(utimes(this.#tag(repository, tag), now, now));
  }

  /** What an image's manifest refers to; undefined when its blob is not there. @throws Error when it is there and cannot be understood */
  async parts(digest: string): Promise<Descriptor[] | undefined> {
    const text = await absent(readFile(join(this.#blob(digest), "data"), "utf8"));
    if (text === undefined) return undefined;
    try {
      const { config, layers = [], manifests = [], subject } = Manifest.parse(JSON.parse(text));
      return [...(config ? [config] : []), ...layers, ...manifests, ...(subject ? [subject] : [])];
    } catch (cause) {
      throw new Error(`the image ${digest} in the registry cannot be understood`, { cause });
    }
  }

  /** Every blob, with its size. */
  async blobs(): Promise<{ digest: string; bytes: number }[]> {
    const base = join(this.#root, "blobs", "sha256");
    const found: { digest: string; bytes: number }[] = [];
    for (const prefix of await namesIn(base)) {
      for (const hex of await namesIn(join(base, prefix))) {
        const { size } = (await absent(stat(join(base, prefix, hex, "data")))) ?? { size: 0 };
        found.push({ digest: PREFIX + hex, bytes: size });
      }
    }
    return found;
  }

  /** Tags first: a tag never means an image that is gone. */
  async removeImage(repository: string, digest: string): Promise<void> {
    const manifests = join(this.#repository(repository), "_manifests");
    for (const { tag, digest: meant } of await this.tags(repository)) {
      if (meant === digest) await remove(join(manifests, "tags", tag));
    }
    await remove(join(manifests, "revisions", "sha256", hexOf(digest)));
  }

  async removeLayer(repository: string, digest: string): Promise<void> {
    await remove(join(this.#repository(repository), "_layers", "sha256", hexOf(digest)));
  }

  async removeBlob(digest: string): Promise<void> {
    await remove(this.#blob(digest));
  }

  /** Takes away what belongs to this repository itself, uploads included, and the folders that this leaves empty. */
  async removeRepository(name: string): Promise<void> {
    for (const entry of await namesIn(this.#repository(name))) if (entry.startsWith("_")) await remove(join(this.#repository(name), entry));
    for (let above = name; above !== "." && (await namesIn(this.#repository(above))).length === 0; above = dirname(above)) {
      await absent(rmdir(this.#repository(above)));
    }
  }

  #repository(name: string): string {
    return join(this.#root, "repositories", name);
  }

  #tag(repository: string, tag: string): string {
    return join(this.#repository(repository), "_manifests", "tags", tag, "current", "link");
  }

  #blob(digest: string): string {
    const hex = hexOf(digest);
    return join(this.#root, "blobs", "sha256", hex.slice(0, 2), hex);
  }
}

function hexOf(digest: string): string {
  return digest.slice(PREFIX.length);
}

/** Digests by the links in a folder, each with the time of its link. A folder without its link is what a deletion left. */
async function links(folder: string): Promise<Map<string, number>> {
  const names = await namesIn(folder);
  const times = await Promise.all(names.map((hex) => timeOf(join(folder, hex, "link"))));
  return new Map(names.flatMap((hex, index) => (times[index] === undefined ? [] : [[PREFIX + hex, times[index]] as const])));
}

async function namesIn(folder: string): Promise<string[]> {
  return (await absent(readdir(folder))) ?? [];
}

async function timeOf(path: string): Promise<number | undefined> {
  return (await absent(stat(path)))?.mtimeMs;
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** What is not there is undefined: distribution works in the same folders. */
async function absent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as { code?: string }).code ?? "")) return undefined;
    throw error;
  }
}
