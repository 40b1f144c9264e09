import { z } from "zod";

/**
 * What the gate answers to the agent alone, about the files that distribution keeps. Both run from one executable, but
 * not always from the same version of it, so both sides check.
 */

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** An image of a repository: a manifest. `bytes` counts everything that it refers to, shared with others or not. */
const StoredImage = z.object({
  digest: Digest,
  tags: z.array(z.string()),
  /** When it was pushed, or, of a tagged one in a cache, last asked for. Milliseconds since 1970. */
  usedAt: z.number(),
  bytes: z.number(),
});

const StoredRepository = z.object({ name: z.string(), images: z.array(StoredImage) });
export type StoredRepository = z.infer<typeof StoredRepository>;

export const ImageName = z.object({ repository: z.string(), digest: Digest });
export type ImageName = z.infer<typeof ImageName>;

/** GET /storage?namespace=: what is there. */
export const Storage = z.object({ repositories: z.array(StoredRepository) });
export type Storage = z.infer<typeof Storage>;

/** GET /storage/moment: now, for a sweep to come. */
export const Moment = z.object({ moment: z.string() });

/** POST /storage/remove: takes images out of their repositories. What they are made of stays until a sweep. */
export const RemoveImages = z.object({ images: z.array(ImageName) });
export type RemoveImages = z.infer<typeof RemoveImages>;

/**
 * POST /storage/sweep: frees what no image refers to, but nothing that a push may count on. Pushes under way at `moment`
 * are those of the apps in `busy`; of those that began later the gate knows by itself.
 */
export const SweepOrder = z.object({
  moment: z.string(),
  /** `namespace/app`. */
  busy: z.array(z.string()),
  /** Sweeps as if these were gone already. */
  without: z.array(ImageName),
  dryRun: z.boolean(),
});
export type SweepOrder = z.infer<typeof SweepOrder>;

/** `repositories`: those that were empty and are gone. */
export const Swept = z.object({ blobs: z.number(), bytes: z.number(), repositories: z.array(z.string()) });
export type Swept = z.infer<typeof Swept>;
