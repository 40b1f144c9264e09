import type { PushPlan } from "#shared/api";
import type { PushRequest } from "#shared/app";
import { Fault } from "#shared/fault";
import type { V1Deployment } from "#shared/kube/objects";
import type { PushResult } from "#shared/push-event";
import { getApp, listRevisions, readEnv } from "./apps.ts";
import { buildKey } from "./build-key.ts";
import type { Deps } from "./deps.ts";
import { appLabels, envSecretName, FINALIZER, LABEL, ownedBy, revisionName } from "./objects/meta.ts";
import { type App, type AppSettings, DAVIT_API, type Revision } from "./objects/types.ts";
import { urlOf } from "./phases/live.ts";
import { checkRoutes } from "./routes.ts";
import type { Tenant } from "./tenants.ts";

const DEFAULT_PORT = 8080;
const DEFAULT_TIMEOUT_SECONDS = 3600;

/** What the app is now, as far as the next push depends on it. */
interface Present {
  app: App | undefined;
  serving: Revision | undefined;
  /** What the push builds upon: the newest revision under way, else the one that serves. */
  base: Revision | undefined;
  /** The base's. */
  env: Record<string, string>;
}

export type Accepted = { outcome: "accepted"; revision: Revision; again: boolean } | { outcome: "unchanged"; result: PushResult };

/**
 * Turns a request into a revision, or finds that what is asked for serves already.
 * @throws Fault route_taken, chunks_missing, no_dockerfile, app_deleting
 */
export async function accept(deps: Deps, tenant: Tenant, name: string, request: PushRequest, user: string): Promise<Accepted> {
  const again = request.id === undefined ? undefined : await askedBefore(deps, tenant.name, name, request.id);
  if (again) return { outcome: "accepted", revision: again, again: true };
  const [present, tree] = await Promise.all([readPresent(deps, tenant.name, name), deps.sources.complete(tenant.uid, request.source.tree)]);
  if (!tree.some((entry) => entry.path === "Dockerfile" && entry.kind !== "directory"))
    throw new Fault("no_dockerfile", "the source has no Dockerfile at its top");
  const settings = settingsOf(present, request, name, deps);
  await checkRoutes(deps.kube, { namespace: tenant.name, app: name }, settings.routes);
  const env = { ...present.env, ...request.env };
  const key = buildKey({ source: request.source, buildArgs: request.buildArgs ?? {} }, deps.config.kanikoImage);
  const same = request.rebuild ? undefined : await unchanged(deps, present, settings, env, key);
  if (same) return { outcome: "unchanged", result: same };
  const app = present.app ?? (await createApp(deps, tenant.name, name, settings));
  return { outcome: "accepted", revision: await createRevision(deps, app, { request, settings, env, key, user }), again: false };
}

/** The revision that this very request made, when its answer was lost on the way. */
async function askedBefore(deps: Deps, namespace: string, app: string, id: string): Promise<Revision | undefined> {
  return (await listRevisions(deps.kube, namespace, app)).find((revision) => revision.metadata.labels?.[LABEL.request] === id);
}

/** What a push would do, without doing any of it. */
export async function plan(deps: Deps, tenant: Tenant, name: string, request: Omit<PushRequest, "source">): Promise<PushPlan> {
  const present = await readPresent(deps, tenant.name, name);
  const settings = settingsOf(present, request, name, deps);
  await checkRoutes(deps.kube, { namespace: tenant.name, app: name }, settings.routes);
  const before = present.base?.spec.settings;
  const changes = [
    ...(before ? changedFields(before, settings) : []).map((field) => `${field}: ${before?.[field]} -> ${settings[field]}`),
    ...Object.keys(request.env ?? {})
      .filter((variable) => present.env[variable] !== request.env?.[variable])
      .map((variable) => `env ${variable}: ${variable in present.env ? "changed" : "added"}`),
  ];
  return { app: name, namespace: tenant.name, isNew: !present.app, ...settings, willBuild: true, changes };
}

async function readPresent(deps: Deps, namespace: string, name: string): Promise<Present> {
  const [app, revisions] = await Promise.all([getApp(deps.kube, namespace, name), listRevisions(deps.kube, namespace, name)]);
  if (app?.metadata.deletionTimestamp) throw new Fault("app_deleting", `the app '${name}' is being deleted; push again when it is gone`);
  const serving = revisions.find((revision) => revision.spec.number === app?.status?.revision);
  const base = revisions.find((revision) => !revision.status?.outcome) ?? serving;
  return { app, serving, base, env: base ? await readEnv(deps.kube, base) : {} };
}

function settingsOf(present: Present, request: Pick<PushRequest, keyof AppSettings>, name: string, deps: Deps): AppSettings {
  const now = present.base?.spec.settings;
  return {
    routes: request.routes ?? now?.routes ?? [`${name}.${deps.config.domain.host}`],
    instances: request.instances ?? now?.instances ?? 1,
    port: request.port ?? now?.port ?? DEFAULT_PORT,
  };
}

async function unchanged(
  deps: Deps,
  present: Present,
  settings: AppSettings,
  env: Record<string, string>,
  key: string,
): Promise<PushResult | undefined> {
  const { app, serving } = present;
  if (!app || !serving || serving !== present.base || serving.metadata.labels?.[LABEL.buildKey] !== key) return undefined;
  if (changedFields(serving.spec.settings, settings).length > 0 || !sameEnv(present.env, env)) return undefined;
  const { namespace, name } = app.metadata;
  const deployment = await deps.kube.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
  const image = deployment?.spec?.template.spec?.containers[0]?.image;
  if (image !== serving.status?.image || (deployment?.status?.availableReplicas ?? 0) < settings.instances) return undefined;
  const route = settings.routes[0];
  return {
    outcome: "unchanged",
    app: name,
    namespace,
    revision: serving.spec.number,
    url: route === undefined ? null : urlOf(deps.config, route),
    image: image ?? null,
    source: `tree:${serving.spec.source.tree}`,
    reused: { chunks: 0, bytes: 0, build: true },
    sent: { chunks: 0, bytes: 0 },
    phases: {},
  };
}

/** Compared one by one: the API server keeps the fields of an object in an order of its own. */
function changedFields(before: AppSettings, after: AppSettings): (keyof AppSettings)[] {
  return (["routes", "instances", "port"] as const).filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}

function sameEnv(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(b).every(([name, value]) => a[name] === value);
}

async function createApp(deps: Deps, namespace: string, name: string, settings: AppSettings): Promise<App> {
  const app: App = {
    apiVersion: DAVIT_API,
    kind: "App",
    metadata: { name, namespace, labels: appLabels(name), finalizers: [FINALIZER] },
    spec: settings,
  };
  return await deps.kube.apply(app);
}

interface NewRevision {
  request: PushRequest;
  settings: AppSettings;
  env: Record<string, string>;
  key: string;
  user: string;
}

/** The Secret comes first: a revision that exists has its env. Numbers are taken by creating, so two pushes never share one. */
async function createRevision(deps: Deps, app: App, wanted: NewRevision): Promise<Revision> {
  const { name, namespace } = app.metadata;
  const newest = (await listRevisions(deps.kube, namespace, name))[0]?.spec.number ?? 0;
  for (let number = newest + 1; ; number++) {
    const revision: Revision = {
      apiVersion: DAVIT_API,
      kind: "Revision",
      metadata: {
        name: revisionName(name, number),
        namespace,
        labels: { ...appLabels(name), [LABEL.buildKey]: wanted.key, ...(wanted.request.id ? { [LABEL.request]: wanted.request.id } : {}) },
        ownerReferences: ownedBy(app),
      },
      spec: {
        app: name,
        number,
        source: wanted.request.source,
        settings: wanted.settings,
        envSecret: envSecretName(name, number),
        buildArgs: wanted.request.buildArgs ?? {},
        rebuild: wanted.request.rebuild ?? false,
        createdBy: wanted.user,
        timeoutSeconds: wanted.request.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
      },
    };
    const secret = await deps.kube.create(envSecret(app, number, wanted.env));
    if (!secret) continue;
    const created = await deps.kube.create(revision);
    if (!created) continue;
    await deps.kube.apply({
      ...envSecret(app, number, wanted.env),
      metadata: { ...envSecret(app, number, wanted.env).metadata, ownerReferences: ownedBy(created) },
    });
    return created;
  }
}

function envSecret(app: App, number: number, env: Record<string, string>) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: envSecretName(app.metadata.name, number), namespace: app.metadata.namespace, labels: appLabels(app.metadata.name) },
    type: "Opaque",
    data: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, Buffer.from(value).toString("base64")])),
  };
}
