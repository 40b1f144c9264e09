import { z } from "zod";
import { Outcome, PHASES } from "./app.ts";
import { FaultWire } from "./fault.ts";

const Phase = z.enum(PHASES);
/** Milliseconds that each phase took, in the order in which they ended. */
const PhaseTimes = z.record(z.string(), z.number());

/** What a push came to: the object that `davit push -o json` prints. */
export const PushResult = z.object({
  outcome: Outcome,
  app: z.string(),
  namespace: z.string(),
  revision: z.number().nullable(),
  url: z.string().nullable(),
  image: z.string().nullable(),
  source: z.string(),
  reused: z.object({ chunks: z.number(), bytes: z.number(), build: z.boolean() }),
  sent: z.object({ chunks: z.number(), bytes: z.number() }),
  phases: PhaseTimes,
  fault: FaultWire.optional(),
});
export type PushResult = z.infer<typeof PushResult>;

const stamp = { seq: z.number().int().min(1), at: z.number() };

const KnownEvent = z.discriminatedUnion("type", [
  z.object({ ...stamp, type: z.literal("phase-started"), phase: Phase, note: z.string().optional() }),
  z.object({ ...stamp, type: z.literal("phase-ended"), phase: Phase, ms: z.number(), note: z.string().optional() }),
  /** `total` is 0 while it is not known. */
  z.object({ ...stamp, type: z.literal("progress"), phase: Phase, done: z.number(), total: z.number(), unit: z.enum(["bytes", "files", "pods"]) }),
  z.object({ ...stamp, type: z.literal("log"), phase: Phase, line: z.string() }),
  z.object({ ...stamp, type: z.literal("notice"), message: z.string() }),
  z.object({ ...stamp, type: z.literal("done"), result: PushResult }),
]);
/** An event of a kind that only newer agents have: its number counts, what it says is not known. */
const NewerEvent = z
  .object({ ...stamp, type: z.string().refine((type) => !KnownEvent.options.some((known) => known.shape.type.value === type)) })
  .transform(({ seq, at, type }) => ({
    seq,
    at,
    type: "notice" as const,
    message: `(the agent tells of '${type}', which this davit does not know)`,
  }));

/**
 * What happens during a push, in order. `seq` counts from 1 without a gap; `at` is the time in ms since the epoch.
 * Exactly one `done` ends the stream.
 */
export const PushEvent = z.union([KnownEvent, NewerEvent]);
export type PushEvent = z.infer<typeof KnownEvent>;
export type DoneEvent = Extract<PushEvent, { type: "done" }>;

type Unstamped<T> = T extends unknown ? Omit<T, "seq" | "at"> : never;
/** An event before the stream gives it its number and time. */
export type NewPushEvent = Unstamped<PushEvent>;
