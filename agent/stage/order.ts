import { z } from "zod";
import { FAULT_CODES, type FaultCode } from "#shared/fault";
import { Proxies } from "#shared/proxy";

/** One line on the staging container's stdin: make this tree, then build it. An order given again is answered by its end once more. */
export const StageOrder = z.object({
  /** Names the build in every line of the answer; it runs once, however often it is ordered. */
  build: z.string().min(1),
  /** Where {@link SourceOrder} can be read. */
  source: z.url(),
  /** Arguments for kaniko's executor; null: only bring the source to the volume. */
  args: z.array(z.string()).nullable(),
  /** What kaniko and what it runs find in their environment beside the image's own. Nothing of it gets into the image. */
  env: z.record(z.string(), z.string()),
  /** For the store, kaniko and what it runs. */
  proxies: Proxies,
  /** Docker config.json with the credential for this build's repository. */
  dockerConfig: z.string(),
});
export type StageOrder = z.infer<typeof StageOrder>;
export type StageOrderText = z.input<typeof StageOrder>;

/** Where the tree and the packs with its chunks can be read; a chunk is [digest, offset, stored, size] (shared/pack.ts). */
export const SourceOrder = z.object({
  tree: z.url(),
  packs: z.array(z.object({ url: z.url(), chunks: z.array(z.tuple([z.string(), z.number(), z.number(), z.number()])) })),
});
export type SourceOrder = z.infer<typeof SourceOrder>;

/** A line on the staging container's stdout. */
export const StageReport = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({ type: z.literal("begun"), build: z.string() }),
  z.object({ type: z.literal("hydrated"), build: z.string(), ms: z.number(), written: z.number(), bytes: z.number() }),
  /** `number` counts a build's lines from 1: a log that was rotated begins with a later one. */
  z.object({ type: z.literal("log"), build: z.string(), number: z.number(), line: z.string() }),
  z.object({ type: z.literal("built"), build: z.string(), exit: z.number(), digest: z.string().nullable(), ms: z.number() }),
  z.object({
    type: z.literal("failed"),
    build: z.string(),
    code: z.enum(FAULT_CODES as [FaultCode, ...FaultCode[]]),
    message: z.string(),
  }),
]);
export type StageReport = z.infer<typeof StageReport>;
