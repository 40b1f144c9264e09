import { z } from "zod";
import {
  AppDetails,
  AppManifest,
  AppName,
  AppSummary,
  ConfigurationKey,
  ConfigurationName,
  ConfigurationSummary,
  ConfigurationValue,
  GitCredential,
  GitCredentialSummary,
  NamespaceName,
  PushRequest,
  RevisionNumber,
  Sha256,
} from "./app.ts";
import { GarbageItem } from "./garbage.ts";
import { SeenLines } from "./log-position.ts";
import { PushEvent, PushResult } from "./push-event.ts";
import { type Client, type Handlers, json, stream } from "./rpc.ts";
import { TreeUpload } from "./tree.ts";

const NamespaceSummary = z.object({
  name: z.string(),
  apps: z.number(),
  createdAt: z.string(),
  /** Secrets that davit needs there and did not make, so that it leaves them alone. */
  foreign: z.array(z.string()).default([]),
});
export type NamespaceSummary = z.infer<typeof NamespaceSummary>;

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const Whoami = z.object({ user: z.string(), groups: z.array(z.string()) });
const Info = z.object({ version: z.string(), protocol: z.number(), domain: z.string() });

/** What `dryRun` finds: the push as the agent would run it. Values of env never travel back. */
export const PushPlan = z.object({
  app: z.string(),
  namespace: z.string(),
  isNew: z.boolean(),
  routes: z.array(z.string()),
  instances: z.number(),
  port: z.number(),
  configurations: z.array(z.string()),
  envNames: z.array(z.string()),
  willBuild: z.boolean(),
  changes: z.array(z.string()),
});
export type PushPlan = z.infer<typeof PushPlan>;

/** What asking for a revision gives: one that runs now, or the one that already is what was asked for. */
const Accepted = z.discriminatedUnion("outcome", [
  z.object({ outcome: z.literal("accepted"), revision: RevisionNumber }),
  z.object({ outcome: z.literal("unchanged"), result: PushResult }),
]);

/** One line of an app's log; `instance` is the Pod's name without the app's, `at` when it was written (RFC 3339, nanoseconds). */
export const LogLine = z.object({ instance: z.string(), line: z.string(), at: z.string() });
export type LogLine = z.infer<typeof LogLine>;

/** Everything the agent answers; nothing else crosses between CLI and agent. */
export const api = {
  params: {
    namespace: NamespaceName,
    app: AppName,
    configuration: ConfigurationName,
    credential: ConfigurationName,
    pack: Sha256,
    revision: z.coerce.number<string | number>().pipe(RevisionNumber),
  },
  endpoints: {
    info: json({ method: "GET", path: "/v1/info", output: Info }),
    whoami: json({ method: "GET", path: "/v1/whoami", output: Whoami }),

    listNamespaces: json({ method: "GET", path: "/v1/namespaces", output: z.array(NamespaceSummary) }),
    createNamespace: json({ method: "PUT", path: "/v1/namespaces/:namespace", output: z.object({ created: z.boolean() }) }),
    deleteNamespace: json({ method: "DELETE", path: "/v1/namespaces/:namespace", output: z.object({ apps: z.number() }) }),

    /** Takes a tree and tells which of its chunks are not held yet. Fault tree_base_unknown: send it whole. */
    negotiate: json({
      method: "POST",
      path: "/v1/namespaces/:namespace/sources",
      body: TreeUpload,
      output: z.object({ missing: z.array(Sha256) }),
    }),
    putPack: json({ method: "PUT", path: "/v1/namespaces/:namespace/packs/:pack", body: "bytes", output: z.object({}) }),

    planPush: json({ method: "POST", path: "/v1/namespaces/:namespace/apps/:app/plan", body: PushRequest, output: PushPlan }),
    createRevision: json({ method: "POST", path: "/v1/namespaces/:namespace/apps/:app/revisions", body: PushRequest, output: Accepted }),
    /** A push's events from `after` on, to its `done`; `latest` for the revision is resolved by showApp. */
    pushEvents: stream({
      method: "GET",
      path: "/v1/namespaces/:namespace/apps/:app/revisions/:revision/events",
      query: z.object({ after: z.coerce.number<string | number>().int().min(0).default(0) }),
      output: PushEvent,
    }),

    listApps: json({ method: "GET", path: "/v1/namespaces/:namespace/apps", output: z.array(AppSummary) }),
    listAllApps: json({ method: "GET", path: "/v1/apps", output: z.array(AppSummary) }),
    showApp: json({ method: "GET", path: "/v1/namespaces/:namespace/apps/:app", output: AppDetails }),
    /** What sessions (shared/sessions.ts) can be opened to, for who may open them; `port` is where the app listens. */
    listInstances: json({
      method: "GET",
      path: "/v1/namespaces/:namespace/apps/:app/instances",
      output: z.object({ port: z.number(), instances: z.array(z.object({ name: z.string(), ready: z.boolean() })) }),
    }),
    /** An app's environment with its values: for who may change it. */
    showEnv: json({ method: "GET", path: "/v1/namespaces/:namespace/apps/:app/env", output: z.record(z.string(), z.string()) }),
    /** What would push the app again as it is, values of its env and all: for who may change it. */
    showManifest: json({ method: "GET", path: "/v1/namespaces/:namespace/apps/:app/manifest", output: AppManifest }),
    deleteApp: json({ method: "DELETE", path: "/v1/namespaces/:namespace/apps/:app", output: z.object({}) }),
    appLogs: stream({
      method: "GET",
      path: "/v1/namespaces/:namespace/apps/:app/logs",
      query: z.object({
        follow: flag.optional(),
        tail: z.coerce.number<string | number>().int().min(0).max(100_000).optional(),
        /** Lines written at this time or later. */
        since: z.iso.datetime({ offset: true }).optional(),
        /** Of the containers before the last restart. */
        previous: flag.optional(),
        /** What a reader that was cut off has had of each instance (shared/log-position.ts); the rest of those follows. */
        seen: SeenLines.optional(),
      }),
      output: LogLine,
    }),

    listConfigurations: json({ method: "GET", path: "/v1/namespaces/:namespace/configurations", output: z.array(ConfigurationSummary) }),
    /** With `values`, which are for who may change them, also those. */
    showConfiguration: json({
      method: "GET",
      path: "/v1/namespaces/:namespace/configurations/:configuration",
      query: z.object({ values: flag.optional() }),
      output: ConfigurationSummary.extend({ values: z.record(z.string(), ConfigurationValue).optional() }),
    }),
    /**
     * Makes a configuration, or changes the given values of one (null takes a value away). `changed` is false when all
     * was so already. Apps that it is bound to are not restarted by this. `id` is made up by the caller for one request:
     * asked twice with the same id (an answer was lost on its way) is asked once.
     */
    putConfiguration: json({
      method: "PUT",
      path: "/v1/namespaces/:namespace/configurations/:configuration",
      body: z.object({ create: z.boolean(), id: z.uuid().optional(), values: z.record(ConfigurationKey, ConfigurationValue.nullable()) }),
      output: z.object({ changed: z.boolean(), configuration: ConfigurationSummary }),
    }),
    /** Fault configuration_bound while apps use it. */
    deleteConfiguration: json({ method: "DELETE", path: "/v1/namespaces/:namespace/configurations/:configuration", output: z.object({}) }),

    listGitCredentials: json({ method: "GET", path: "/v1/namespaces/:namespace/git-credentials", output: z.array(GitCredentialSummary) }),
    /** Fault credential_exists unless what is there is the very same. */
    putGitCredential: json({
      method: "PUT",
      path: "/v1/namespaces/:namespace/git-credentials/:credential",
      body: GitCredential,
      output: GitCredentialSummary,
    }),
    deleteGitCredential: json({ method: "DELETE", path: "/v1/namespaces/:namespace/git-credentials/:credential", output: z.object({}) }),

    /** Collects what is garbage, of one namespace or of all, and tells what it was; `dryRun` tells only. */
    collectGarbage: stream({
      method: "POST",
      path: "/v1/gc",
      body: z.object({ dryRun: z.boolean(), namespace: NamespaceName.optional() }),
      output: GarbageItem,
    }),
    /** Everything of which `ref` is a name or a part of one, with why it is kept or would be collected. */
    explainGarbage: json({
      method: "GET",
      path: "/v1/gc",
      query: z.object({ ref: z.string().min(1), namespace: NamespaceName.optional() }),
      output: z.array(GarbageItem),
    }),
  },
} as const;

export type DavitClient = Client<typeof api.endpoints, typeof api.params>;
export type DavitHandlers<Context> = Handlers<typeof api.endpoints, typeof api.params, Context>;
