import { z } from "zod";

const text = (longest: number) => z.string().max(longest, `is longer than ${longest} characters`);

const label = (longest: number) =>
  text(longest).regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, "has to be lower-case letters, digits and '-', starting with a letter");

/** A name that becomes part of a host name: a DNS label that starts with a letter, at most 40 characters (revision numbers and hashes are appended to it). */
export const AppName = label(40);

export const NamespaceName = label(50);

/** A host, with a path when the app serves only part of it: `shop.example.com`, `example.com/shop`. */
export const Route = text(400).regex(
  /^(?=.{1,253}(\/|$))[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)+(\/[A-Za-z0-9._~/-]*)?$/,
  "has to be a host name with a dot, optionally followed by a path",
);

/** `__proto__` is none: JavaScript's objects take it for something else. */
export const EnvName = z.string().regex(/^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/, {
  error: ({ input }) => (input === "__proto__" ? "cannot be __proto__" : "has to be letters, digits and '_', not starting with a digit"),
});
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const RevisionNumber = z.number().int().min(1);

/** A configuration, git credential or Secret key: what Kubernetes takes for the name of a Secret. */
export const ConfigurationName = label(40);

/** A git repository's address: https only, and no credential in it. */
export const GitUrl = text(2000)
  .regex(/^https:\/\/[^\s@?#\\/]+(\/[^\s@?#\\]*)?$/, { error: ({ input }) => whyNoGitUrl(String(input)) })
  .refine((url) => URL.canParse(url), "has to be a URL such as https://git.example.com/team/shop.git");

/** Never shows a user's name or password, which people put into URLs. */
function whyNoGitUrl(text: string): string {
  const [, host, path] =
    /^(?:ssh:\/\/(?:[^@/]*@)?([-.\w]+)(?::\d+)?\/|[-.\w]+@([-.\w]+):)(.*)$/.exec(text)?.filter((part) => part !== undefined) ?? [];
  if (host) return `has to begin with https://, davit has no ssh keys; most servers have the same repository at https://${host}/${path}`;
  if (/^https:\/\/[^/]*@/.test(text)) return "must have no user name or password in it: a git credential of the namespace keeps them";
  if (/^http:\/\//.test(text)) return "has to begin with https://: without TLS anybody on the way can change the code";
  return "has to be a URL such as https://git.example.com/team/shop.git";
}

/** A git server: its host, and its port unless that is 443. */
const GitHost = text(260)
  .toLowerCase()
  .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?(:\d{1,5})?$/, "has to be a host such as git.example.com, with a port when that is not 443")
  .transform((host) => host.replace(/:443$/, ""));

/** Whom a password belongs to, as HTTP's basic authentication can say it. */
export const UserName = text(250)
  .min(1, "is empty")
  .regex(/^[^:\p{Cc}]*$/u, "must not have a ':' or control characters in it");

/** What lets into private repositories of one host; `ca` (PEM) is trusted besides the well-known authorities. */
export const GitCredential = z.object({
  host: GitHost,
  username: UserName,
  password: text(10_000)
    .min(1, "is empty")
    .regex(/^\P{Cc}*$/u, "must not have control characters in it"),
  ca: text(200_000).includes("-----BEGIN CERTIFICATE-----", "has no PEM certificate in it").optional(),
});
export type GitCredential = z.infer<typeof GitCredential>;

/** A branch, a tag or a commit (full, or its first 7 or more characters). */
export const GitRevision = text(250).regex(/^(?!-)[^\s~^:?*[\\]+$/, "has to be a branch, a tag or a commit");

/** An image as a registry names it, with a tag or a digest or neither or both. */
export const ImageRef = text(500).regex(
  /^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:\d{1,5})?\/)?[a-z0-9]+([-._]+[a-z0-9]+)*(\/[a-z0-9]+([-._]+[a-z0-9]+)*)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
  "has to be an image in lower case, such as registry.example.com/team/shop:1.2",
);

/**
 * What is pushed. `tree` is the id of a tree that the agent holds; `revision` of a git source is as it was asked for,
 * absent for the repository's default branch, and `credential` names one of the namespace's git credentials.
 */
export const Source = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tree"), tree: Sha256 }),
  z.object({ kind: z.literal("git"), url: GitUrl, revision: GitRevision.optional(), credential: ConfigurationName.optional() }),
  z.object({ kind: z.literal("image"), image: ImageRef }),
]);
export type Source = z.infer<typeof Source>;

/**
 * What a push asks for, and everything else that changes an app: each change makes a revision. Absent keys keep what
 * the app has.
 */
export const PushRequest = z.object({
  /** Made up by the caller for one push: asked twice with the same id (an answer was lost on its way) is asked once. */
  id: z.uuid().optional(),
  /** Absent: the source that the app has. */
  source: Source.optional(),
  /**
   * Take source, image, env, port and configurations of this revision: a rollback. `previous` is the newest one before
   * the serving one that was live and differs from it in any of these.
   */
  from: z.union([RevisionNumber, z.literal("previous")]).optional(),
  routes: z.array(Route).max(50).optional(),
  /** Merged into the app's; null takes a variable away. */
  env: z.record(EnvName, z.string().nullable()).optional(),
  instances: z.number().int().min(0).max(100).optional(),
  /** Runs no instance until it is started again; the number of instances is remembered. `false` runs one at least. */
  stopped: z.boolean().optional(),
  port: z.number().int().min(1).max(65535).optional(),
  /** All of them; `bind` and `unbind` add to them and take away instead. */
  configurations: z.array(ConfigurationName).max(50).optional(),
  bind: z.array(ConfigurationName).max(50).optional(),
  unbind: z.array(ConfigurationName).max(50).optional(),
  buildArgs: z.record(z.string(), z.string()).optional(),
  /** Build even what was built before. */
  rebuild: z.boolean().optional(),
  /** Replace all instances even when nothing has changed. */
  restart: z.boolean().optional(),
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
  /** The revision whose image it took, when it did not find or build its own. */
  from: z.number().nullable(),
  /** The revision whose Pods serve it: its own number, unless it differs from that one in instances and routes only. */
  pods: z.number(),
  createdAt: z.string(),
  createdBy: z.string(),
  phases: z.record(z.string(), z.number()),
  /** Whether the app can go back to it: it was live, and its image was not collected. */
  restorable: z.boolean(),
  fault: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type RevisionSummary = z.infer<typeof RevisionSummary>;

/** The certificate of one host of an app: why it has none, or none yet, and otherwise whose it is and until when. */
export const RouteCertificate = z.object({
  host: z.string(),
  reason: z.string().nullable(),
  issuer: z.string().nullable(),
  notAfter: z.string().nullable(),
});
export type RouteCertificate = z.infer<typeof RouteCertificate>;

export const AppDetails = AppSummary.extend({
  /** How many instances run unless it is stopped; `instances` counts those that are to run now. */
  scale: z.number(),
  stopped: z.boolean(),
  port: z.number(),
  envNames: z.array(z.string()),
  configurations: z.array(z.string()),
  image: z.string().nullable(),
  certificates: z.array(RouteCertificate),
  revisions: z.array(RevisionSummary),
});
export type AppDetails = z.infer<typeof AppDetails>;

/** What a manifest may be called; of several in one folder the first of these is read. */
export const MANIFEST_NAMES = ["davit.yml", "davit.yaml", "epinio.yml", "epinio.yaml"] as const;

/** All that a manifest says of an app: what would push it again as it is. */
export const AppManifest = z.object({
  source: Source,
  routes: z.array(z.string()),
  instances: z.number(),
  port: z.number(),
  env: z.record(z.string(), z.string()),
  configurations: z.array(z.string()),
  buildArgs: z.record(z.string(), z.string()),
});
export type AppManifest = z.infer<typeof AppManifest>;

/** A named set of values in a namespace; the values themselves are told by showConfiguration only. */
export const ConfigurationSummary = z.object({
  name: z.string(),
  keys: z.array(z.string()),
  /** Apps that it is bound to. */
  apps: z.array(z.string()),
  createdAt: z.string(),
});
export type ConfigurationSummary = z.infer<typeof ConfigurationSummary>;

/** What a configuration's values may be called: file names, which is what they become. */
export const ConfigurationKey = text(253).regex(/^(?!\.\.|\.$|__proto__$)[-._A-Za-z0-9]+$/, "has to be letters, digits, '-', '_' and '.'");

/** Anything that fits into a file, as base64. */
export const ConfigurationValue = z.base64();

export const GitCredentialSummary = z.object({ name: z.string(), host: z.string(), username: z.string(), createdAt: z.string() });
export type GitCredentialSummary = z.infer<typeof GitCredentialSummary>;
