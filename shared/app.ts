import { z } from "zod";

const LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** A name that becomes part of a host name: a DNS label that starts with a letter, at most 40 characters (revision numbers and hashes are appended to it). */
export const AppName = z
  .string()
  .max(40, "is longer than 40 characters")
  .regex(LABEL, "has to be lower-case letters, digits and '-', starting with a letter");

export const NamespaceName = z
  .string()
  .max(50, "is longer than 50 characters")
  .regex(LABEL, "has to be lower-case letters, digits and '-', starting with a letter");

/** A host, with a path when the app serves only part of it: `shop.example.com`, `example.com/shop`. */
export const Route = z
  .string()
  .max(400)
  .regex(
    /^(?=.{1,253}(\/|$))[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+(\/[A-Za-z0-9._~/-]*)?$/,
    "has to be a host name with a dot, optionally followed by a path",
  );

export const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "has to be letters, digits and '_', not starting with a digit");
const Env = z.record(EnvName, z.string());
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const RevisionNumber = z.number().int().min(1);

/** Where the files of a push come from. `tree` is the id of a tree that the agent holds. */
export const Source = z.discriminatedUnion("kind", [z.object({ kind: z.literal("tree"), tree: Sha256 })]);
export type Source = z.infer<typeof Source>;

/** What a push asks for. Absent keys keep what the app has; `env` is merged into it. */
export const PushRequest = z.object({
  /** Made up by the caller for one push: asked twice with the same id (an answer was lost on its way) is asked once. */
  id: z.uuid().optional(),
  source: Source,
  routes: z.array(Route).max(50).optional(),
  env: Env.optional(),
  instances: z.number().int().min(0).max(100).optional(),
  port: z.number().int().min(1).max(65535).optional(),
  buildArgs: z.record(z.string(), z.string()).optional(),
  rebuild: z.boolean().optional(),
  timeoutSeconds: z.number().int().min(1).max(86_400).optional(),
});
export type PushRequest = z.infer<typeof PushRequest>;

export const PHASES = ["plan", "upload", "fetch", "hydrate", "stage", "deploy", "live"] as const;
export type Phase = (typeof PHASES)[number];

export const Outcome = z.enum(["live", "unchanged", "failed", "detached"]);
export type Outcome = z.infer<typeof Outcome>;

/** An app's line in a list. `url` is where it answers first; `ready`/`instances` count Pods. */
export const AppSummary = z.object({
  name: z.string(),
  namespace: z.string(),
  status: z.enum(["live", "staging", "failed", "stopped", "deleting", "new"]),
  ready: z.number(),
  instances: z.number(),
  revision: z.number().nullable(),
  url: z.string().nullable(),
  routes: z.array(z.string()),
});
export type AppSummary = z.infer<typeof AppSummary>;

export const RevisionSummary = z.object({
  number: RevisionNumber,
  phase: z.string(),
  outcome: Outcome.nullable(),
  image: z.string().nullable(),
  source: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  phases: z.record(z.string(), z.number()),
  fault: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type RevisionSummary = z.infer<typeof RevisionSummary>;

export const AppDetails = AppSummary.extend({
  port: z.number(),
  envNames: z.array(z.string()),
  image: z.string().nullable(),
  revisions: z.array(RevisionSummary),
});
export type AppDetails = z.infer<typeof AppDetails>;
