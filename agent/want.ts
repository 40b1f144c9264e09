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
  /** Absent for a git source until its commit is known. */
  key: string | undefined;
  /** The revision whose image is taken as it is. */
  from: Revision | undefined;
  /** Whether the Pods that serve are right for it as they are. */
  samePods: boolean;
}

/** @throws Fault app_deleting */
export async function readPresent(deps: Deps, namespace: string, name: string): Promise<Present> {
  const [app, revisions] = await Promise.all([getApp(deps.kube, namespace, name), listRevisions(deps.kube, namespace, name)]);
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
  const model = request.from === undefined ? present.base : restorable(present, request.from, name);
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
    from: request.source || request.rebuild ? undefined : model,
  };
  return { ...wanted, samePods: !request.rebuild && !request.restart && servesAs(present, wanted) };
}

function restorable({ revisions }: Present, number: number, app: string): Revision {
  const found = revisions.find((revision) => revision.spec.number === number);
  if (found?.status?.image) return found;
  const why = found ? `revision ${number} of '${app}' has no image: its build did not end well` : `the app '${app}' has no revision ${number}`;
  throw new Fault("revision_not_found", why, { details: { app, revision: String(number) } });
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
    instances: request.instances ?? now?.instances ?? 1,
    stopped: request.stopped ?? now?.stopped ?? false,
    port: request.port ?? then?.port ?? DEFAULT_PORT,
    configurations: [...new Set(request.configurations ?? then?.configurations ?? [])].sort(),
  };
}

function mergeEnv(env: Record<string, string>, changes: Record<string, string | null>): Record<string, string> {
  const merged = Object.entries({ ...env, ...changes });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}

function keyOf(source: Source, buildArgs: Record<string, string>, deps: Deps): string | undefined {
  return source.kind === "git" ? undefined : buildKey({ source, buildArgs }, deps.config.kanikoImage);
}

function servesAs({ serving, base, env }: Present, wanted: Omit<Wanted, "samePods">): boolean {
  if (!serving?.status?.image || serving !== base) return false;
  const sameImage = wanted.from ? wanted.from.status?.image === serving.status.image : wanted.key === serving.metadata.labels?.[LABEL.buildKey];
  const kept = (["port", "configurations"] as const).every((field) => same(serving.spec.settings[field], wanted.settings[field]));
  return sameImage && wanted.key !== undefined && kept && sameEnv(env, wanted.env);
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
