import type { PushPlan } from "#shared/api";
import type { PushRequest } from "#shared/app";
import { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import { listRevisions } from "./apps.ts";
import { needConfigurations } from "./configurations.ts";
import type { Deps } from "./deps.ts";
import { checkDockerfile } from "./dockerfile.ts";
import { checkHost } from "./fetch/guard.ts";
import { type GitSource, pickCredential } from "./git-credentials.ts";
import { hasImage, ownName } from "./images/image-registry.ts";
import { appLabels, envSecretName, FINALIZER, LABEL, ownedBy, revisionName } from "./objects/meta.ts";
import { type App, type AppSettings, DAVIT_API, type Revision } from "./objects/types.ts";
import { replicasOf } from "./objects/workload.ts";
import { resultOf } from "./result.ts";
import { checkRoutes } from "./routes.ts";
import { serves } from "./serves.ts";
import type { Tenant } from "./tenants.ts";
import { changedSettings, type Present, readPresent, settingsOf, type Wanted, want } from "./want.ts";

const DEFAULT_TIMEOUT_SECONDS = 3600;
const CHECK_MS = 10_000;

export type Accepted = { outcome: "accepted"; revision: Revision; again: boolean } | { outcome: "unchanged"; result: PushResult };

/**
 * Turns a request into a revision, or finds that what is asked for serves already.
 * @throws Fault route_taken, chunks_missing, no_dockerfile, app_deleting, configuration_not_found, image_gone, git_refused, credential_not_found
 */
export async function accept(deps: Deps, tenant: Tenant, name: string, request: PushRequest, user: string): Promise<Accepted> {
  // What the revision will rely on is found and the revision made without garbage being collected in between.
  const accepted = await deps.locks.share(tenant.uid, () => decide(deps, tenant, name, request, user));
  if (request.source?.kind === "tree") await settle(deps, tenant, request.source.tree);
  return accepted;
}

/** A tree that stays offered is only kept longer than it has to be. */
async function settle({ sources, log }: Deps, { name, uid }: Tenant, tree: string): Promise<void> {
  await sources.settle(uid, tree).catch((error) => log("an offered tree could not be settled", { namespace: name, tree, error }));
}

async function decide(deps: Deps, tenant: Tenant, name: string, request: PushRequest, user: string): Promise<Accepted> {
  const revisions = await listRevisions(deps.kube, tenant.name, name);
  const again = request.id === undefined ? undefined : askedBefore(revisions, request.id);
  if (again) return { outcome: "accepted", revision: again, again: true };
  const present = await readPresent(deps, tenant.name, name, revisions);
  const wanted = await want(deps, present, request, name);
  await Promise.all([
    checkSource(deps, tenant, { name, request, present, wanted }),
    checkRoutes(deps, { namespace: tenant.name, app: name }, wanted.settings.routes),
    needConfigurations(deps.kube, tenant.name, wanted.settings.configurations),
  ]);
  const same = await unchanged(deps, present, wanted);
  if (same) return { outcome: "unchanged", result: same };
  const app = present.app ?? (await createApp(deps, tenant.name, name, wanted.settings));
  return { outcome: "accepted", revision: await createRevision(deps, app, { request, wanted, present, user }), again: false };
}

/** The revision that this very request made, when its answer was lost on the way. */
function askedBefore(revisions: readonly Revision[], id: string): Revision | undefined {
  return revisions.find((revision) => revision.metadata.labels?.[LABEL.request] === id);
}

/** What a push would do, without doing any of it. */
export async function plan(deps: Deps, tenant: Tenant, name: string, request: PushRequest): Promise<PushPlan> {
  const present = await readPresent(deps, tenant.name, name);
  const settings = settingsOf(present, present.base, request, name, deps);
  await Promise.all([
    request.source?.kind === "git" ? checkGit(deps, tenant, request.source) : undefined,
    checkRoutes(deps, { namespace: tenant.name, app: name }, settings.routes),
    needConfigurations(deps.kube, tenant.name, settings.configurations),
  ]);
  const before = present.base?.spec.settings;
  const changes = [
    ...(before ? changedSettings(before, settings) : []).map((field) => `${field}: ${before?.[field]} -> ${settings[field]}`),
    ...Object.entries(request.env ?? {}).flatMap(([variable, value]) => describeEnv(variable, present.env[variable], value)),
  ];
  const { routes, instances, port, configurations } = settings;
  const kept = Object.keys(present.env).sort();
  return {
    app: name,
    namespace: tenant.name,
    isNew: !present.app,
    routes,
    instances,
    port,
    configurations,
    envNames: kept,
    willBuild: request.source?.kind !== "image",
    changes,
  };
}

function describeEnv(variable: string, before: string | undefined, after: string | null): string[] {
  if (before === (after ?? undefined)) return [];
  return [`env ${variable}: ${after === null ? "removed" : before === undefined ? "added" : "changed"}`];
}

/** Everything that a revision will need and that can be asked for beforehand. */
async function checkSource(
  deps: Deps,
  tenant: Tenant,
  asked: { name: string; request: PushRequest; present: Present; wanted: Wanted },
): Promise<void> {
  const { name, request, present, wanted } = asked;
  const { source, from, settings } = wanted;
  if (request.restart && settings.stopped) throw new Fault("usage", `the app '${name}' is stopped, so there is nothing to restart; start it`);
  // Pods that run have their image already.
  const more = replicasOf(settings) > (present.serving ? replicasOf(present.serving.spec.settings) : 0);
  if (from) return wanted.samePods && !more ? undefined : await checkImage(deps, from);
  if (source.kind === "image" && request.rebuild) throw new Fault("usage", "an image that was pushed as it is has nothing to build again");
  if (source.kind === "git" && request.source) return await checkGit(deps, tenant, source);
  if (source.kind !== "tree") return;
  const tree = await deps.sources.complete(tenant.uid, source.tree).catch((error) => {
    throw request.source ? error : sourceGone(name, error);
  });
  checkDockerfile(tree);
}

/** What a git server has to say comes with the fetch. */
async function checkGit({ kube }: Deps, tenant: Tenant, source: GitSource): Promise<void> {
  checkHost(new URL(source.url).hostname);
  await pickCredential(kube, tenant.name, source);
}

function sourceGone(app: string, error: unknown): unknown {
  if (!(error instanceof Fault) || !["tree_base_unknown", "chunks_missing"].includes(error.code)) return error;
  return new Fault("source_gone", `the source that '${app}' was built from is not kept any more`, { cause: error, details: { app } });
}

async function checkImage({ registry }: Deps, { spec, status }: Revision): Promise<void> {
  const ours = status?.image && ownName(registry, status.image);
  if (!ours || (await hasImage(registry, status?.image ?? "", AbortSignal.timeout(CHECK_MS)))) return;
  const details = { app: spec.app, revision: String(spec.number) };
  throw new Fault("image_gone", `the image of revision ${spec.number} of '${spec.app}' is not in the registry any more`, { details });
}

async function unchanged(deps: Deps, { app, serving }: Present, wanted: Wanted): Promise<PushResult | undefined> {
  if (!app || !serving || !wanted.samePods || changedSettings(serving.spec.settings, wanted.settings).length > 0) return undefined;
  if (!(await serves(deps, serving, wanted.settings))) return undefined;
  const { name, namespace } = app.metadata;
  const [route] = app.spec.routes;
  // Its host may have got a certificate since.
  const url = route === undefined ? null : deps.certificates.urlOf(namespace, name, route);
  return { ...resultOf(serving), outcome: "unchanged", url, reused: { chunks: 0, bytes: 0, build: true }, phases: {} };
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
  wanted: Wanted;
  present: Present;
  user: string;
}

/**
 * The Secret comes first: a revision that exists has its env. Numbers are taken by creating, so two pushes never share
 * one. A revision that the serving Pods are right for has their Secret, because a Pod cannot be given another.
 */
async function createRevision(deps: Deps, app: App, from: NewRevision): Promise<Revision> {
  const newest = from.present.revisions[0]?.spec.number ?? 0;
  for (let number = newest + 1; ; number++) {
    const revision = revisionOf(app, number, from);
    if (from.wanted.samePods) {
      const created = await deps.kube.create(revision);
      if (created) return created;
      continue;
    }
    const secret = envSecret(app, number, from.wanted.env);
    if (!(await deps.kube.create(secret))) continue;
    const created = await deps.kube.create(revision);
    if (!created) continue;
    await deps.kube.apply({ ...secret, metadata: { ...secret.metadata, ownerReferences: ownedBy(created) } });
    return created;
  }
}

function revisionOf(app: App, number: number, { request, wanted, present, user }: NewRevision): Revision {
  const { name, namespace } = app.metadata;
  const pods = wanted.samePods && present.serving ? present.serving.spec.pods : number;
  return {
    apiVersion: DAVIT_API,
    kind: "Revision",
    metadata: {
      name: revisionName(name, number),
      namespace,
      labels: {
        ...appLabels(name),
        ...(wanted.key ? { [LABEL.buildKey]: wanted.key } : {}),
        ...(request.id ? { [LABEL.request]: request.id } : {}),
      },
      ownerReferences: ownedBy(app),
    },
    spec: {
      app: name,
      number,
      source: wanted.source,
      ...(wanted.fetched && !wanted.from ? { fetched: wanted.fetched } : {}),
      ...(wanted.from ? { from: wanted.from.spec.number } : {}),
      pods,
      settings: wanted.settings,
      envSecret: envSecretName(name, pods),
      buildArgs: wanted.buildArgs,
      rebuild: request.rebuild ?? false,
      createdBy: user,
      timeoutSeconds: request.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    },
  };
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
