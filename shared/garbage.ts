import { z } from "zod";

/**
 * One thing that garbage collection looked at, and what came of it. `what` is for people: revision, image, cached layer,
 * tree, pack, log, secret, volume, job, namespace, layers.
 */
export const GarbageItem = z.object({
  what: z.string(),
  ref: z.string(),
  /** `refused`: it is garbage, and an external registry did not delete it. */
  action: z.enum(["keep", "collect", "refused"]),
  why: z.string(),
  /** What it takes; null where that is not known by itself: an image's layers are shared. */
  bytes: z.number().nullable(),
});
export type GarbageItem = z.infer<typeof GarbageItem>;
