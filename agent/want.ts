import type { PushRequest, Source } from "#shared/app";
import { Fault } from "#shared/fault";
import { getApp, listRevisions, readEnv } from "./apps.ts";
import { buildKey } from "./build-key.ts";
import type { Deps } from "./deps.ts";
import { LABEL } from "./objects/meta.ts";
import type { App, AppSettings, Revision } from "./objects/types.ts";

const DEFAULT_PORT = 8080;

/** What the app is now, as far as the next revision depends on it. */
export interface Present {
  app: App | undefined;
  serving: Revision | undefined;
  /** What the next one builds upon: the newest revision under way, else the one that serves. */
  base: Revision | undefined;
  /** The base's. */
  env: Record<string, string>;
  revisions: readonly Revision[];
}

/** A revision that is asked for, before it has a number. */
export interface Wanted {
  source: Source;
  settings: AppSettings;
  env: Record<string, string>;
  buildArgs: Record<string, string>;
  /** Absent for a git source until its commit is known, and for an image. */
  key: string | undefined;
  /** Of a git source that is built again: what was fetched then. */
  fetched: Revision["spec"]["fetched"];
  /** The revision whose image is taken as it is. */
  from: Revision | undefined;
  /** Whether the Pods that serve are right for it as they are. */
  samePods: boolean;
}

/** @param listed the app's revisions, newest first, where they are known already. @throws Fault app_deleting */
export async function readPresent(deps: Deps, namespace: string, name: string, listed?: readonly Revision[]): Promise<Present> {
  const [app, revisions] = await Promise.all([getApp(deps.kube, namespace, name), listed ?? listRevisions(deps.kube, namespace, name)]);
  if (app?.metadata.deletionTimestamp) throw new Fault("app_deleting", `the app '${name}' is being deleted; push again when it is gone`);
  const serving = revisions.find((revision) => revision.spec.number === app?.status?.revision);
  const base = revisions.find((revision) => !revision.status?.outcome) ?? serving;
  return { app, serving, base, env: base ? await readEnv(deps.kube, base) : {}, revisions };
}

/**
 * The revision that a request asks for: what it does not name is as it is now, or, for a rollback, as it was.
 * @throws Fault app_not_found, revision_not_found when there is nothing to take the source from
 */
export async function want(deps: Deps, present: Present, request: PushRequest, name: string): Promise<Wanted> {
  const model = await modelOf(deps, present, request, name);
  const source = request.source ?? model?.spec.source;
  if (!source) throw nothingPushed(present, name);
  const modelEnv = model === present.base || !model ? present.env : await readEnv(deps.kube, model);
  const buildArgs = request.buildArgs ?? (request.source ? {} : (model?.spec.buildArgs ?? {}));
  const wanted = {
    source,
    settings: settingsOf(present, model, request, name, deps),
    env: mergeEnv(modelEnv, request.env ?? {}),
    buildArgs,
    key: request.source ? keyOf(request.source, buildArgs, deps) : model?.metadata.labels?.[LABEL.buildKey],
    fetched: request.source ? undefined : fetchedOf(model),
    from: request.source || request.rebuild ? undefined : model,
  };
  return { ...wanted, samePods: !request.rebuild && !request.restart && servesAs(present, wanted) };
}

/** The revision that is built upon: what there is now, or what is gone back to. To build again, no more is needed than that it was tried. */
async function modelOf(deps: Deps, present: Present, { from, rebuild }: PushRequest, app: string): Promise<Revision | undefined> {
  if (from === "previous") return await previous(deps, present, app);
  if (from === undefined) return present.base ?? (rebuild ? present.revisions[0] : undefined);
  const found = present.revisions.find(({ spec }) => spec.number === from);
  if (found && (rebuild || found.status?.image)) return found;
  const why = found ? `revision ${from} of '${app}' has no image: its build did not end well` : `the app '${app}' has no revision ${from}`;
  throw new Fault("revision_not_found", why, { details: { app, revision: String(from) } });
}

/** The newest revision before the one that serves that was live, and that the serving Pods are not right for. */
async function previous({ kube }: Deps, present: Present, app: string): Promise<Revision> {
  const { serving, revisions } = present;
  if (!serving) throw nothingPushed(present, app);
  const env = await readEnv(kube, serving);
  for (const revision of revisions) {
    if (revision.spec.number >= serving.spec.number || revision.status?.outcome !== "live" || !revision.status.image) continue;
    const alike = revision.status.image === serving.status?.image && sameInPods(revision.spec.settings, serving.spec.settings);
    if (!alike || !sameEnv(await readEnv(kube, revision), env)) return revision;
  }
  throw new Fault("revision_not_found", `the app '${app}' has no earlier revision that differs from the one that serves`, { details: { app } });
}

function fetchedOf(model: Revision | undefined): Revision["spec"]["fetched"] {
  const { commit, tree } = model?.status ?? {};
  return commit && tree ? { commit, tree } : model?.spec.fetched;
}

function nothingPushed({ app }: Present, name: string): Fault {
  if (!app) return new Fault("app_not_found", `there is no app '${name}'`, { details: { app: name } });
  return new Fault("usage", `nothing of '${name}' has been live yet, so there is nothing to change: push it`);
}

/** What the app's instances and routes are is not taken back by a rollback, as `kubectl rollout undo` does not either. */
export function settingsOf(present: Present, model: Revision | undefined, request: PushRequest, name: string, deps: Deps): AppSettings {
  const now = present.base?.spec.settings;
  const then = model?.spec.settings;
  return {
    routes: request.routes ?? now?.routes ?? [`${name}.${deps.config.domain.host}`],
    instances: request.instances ?? Math.max(now?.instances ?? 1, request.stopped === false ? 1 : 0),
    stopped: request.stopped ?? now?.stopped ?? false,
    port: request.port ?? then?.port ?? DEFAULT_PORT,
    configurations: boundBy(request, then?.configurations ?? []),
  };
}

function boundBy({ configurations, bind = [], unbind = [] }: PushRequest, then: readonly string[]): string[] {
  return [...new Set([...(configurations ?? then), ...bind])].filter((name) => !unbind.includes(name)).sort();
}

function mergeEnv(env: Record<string, string>, changes: Record<string, string | null>): Record<string, string> {
  const merged = Object.entries({ ...env, ...changes });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** Of what is the same each time that it is pushed: a branch or an image's tag is to be looked up first. */
function keyOf(source: Source, buildArgs: Record<string, string>, deps: Deps): string | undefined {
  return source.kind !== "tree" ? undefined : buildKey({ source, buildArgs }, deps.config.kanikoImage);
}

function servesAs({ serving, base, env }: Present, wanted: Omit<Wanted, "samePods">): boolean {
  if (!serving?.status?.image || serving !== base) return false;
  const key = serving.metadata.labels?.[LABEL.buildKey];
  const sameImage = wanted.from ? wanted.from.status?.image === serving.status.image : wanted.key !== undefined && wanted.key === key;
  return sameImage && sameInPods(serving.spec.settings, wanted.settings) && sameEnv(env, wanted.env);
}

/** Whether they differ in nothing that a Pod knows of. */
function sameInPods(a: AppSettings, b: AppSettings): boolean {
  return (["port", "configurations"] as const).every((field) => same(a[field], b[field]));
}

/** Settings that differ, compared one by one: the API server keeps the fields of an object in an order of its own. */
export function changedSettings(before: AppSettings, after: AppSettings): (keyof AppSettings)[] {
  return (["routes", "instances", "stopped", "port", "configurations"] as const).filter((field) => !same(before[field], after[field]));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function sameEnv(a: Record<string, string>, b: Record<string, string>): boolean {
  return Object.keys(a).length === Object.keys(b).length && Object.entries(b).every(([name, value]) => a[name] === value);
}
