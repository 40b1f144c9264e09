import type { GarbageItem } from "#shared/garbage";
import type { Deps } from "../deps.ts";
import type { Left } from "../images/image-registry.ts";
import { revisionName } from "../objects/meta.ts";
import { DAVIT_API } from "../objects/types.ts";
import { keys } from "../store/keys.ts";
import { readTenant, type Scope } from "./inventory.ts";
import { judgePacks, removePacks } from "./packs.ts";
import { judgeTenant, type PackVerdict, type TenantVerdicts, type Verdict } from "./policy.ts";

/** What shares a tenant's lock ends sooner than this, or fails: requests to the store and to the API server have their own limits. */
export const PATIENCE_MS = 90_000;

/**
 * Collects what is garbage of one tenant, and tells of everything that is there. Nothing is added meanwhile: who pushes
 * waits, a few seconds at most, and everything is read anew when the wait begins.
 */
export async function collectTenant(deps: Deps, scope: Scope, dryRun: boolean): Promise<GarbageItem[]> {
  const collected: GarbageItem[] = [];
  for (;;) {
    const { items, more } = await deps.locks.alone(scope.uid, PATIENCE_MS, () => collectOnce(deps, scope, dryRun));
    if (!more || dryRun) return [...collected, ...items];
    collected.push(...items.filter(({ action }) => action === "collect"));
  }
}

async function collectOnce(deps: Deps, scope: Scope, dryRun: boolean): Promise<{ items: GarbageItem[]; more: boolean }> {
  const { facts, stored } = await readTenant(deps, scope);
  const verdicts = judgeTenant(facts);
  const packs = await judgePacks(deps, scope.uid, stored, verdicts);
  const left = dryRun ? [] : await remove(deps, scope, verdicts, packs.verdicts);
  return { items: withLeft(itemsOf(scope.name, verdicts, packs.verdicts), left), more: packs.more };
}

/** The revisions first: what is left of one, should this be interrupted, belongs to nobody and goes the next time. */
async function remove(deps: Deps, { name: namespace, uid }: Scope, verdicts: TenantVerdicts, packs: readonly PackVerdict[]): Promise<Left[]> {
  const { kube, store, registry } = deps;
  for (const { app, number } of collected(verdicts.revisions)) {
    await kube.remove({ apiVersion: DAVIT_API, kind: "Revision", namespace, name: revisionName(app, number) });
  }
  for (const { name } of collected(verdicts.secrets)) await kube.remove({ apiVersion: "v1", kind: "Secret", namespace, name });
  await store.remove(collected(verdicts.records).flatMap((record) => record.keys));
  await store.remove(collected(verdicts.offers).map(({ tree }) => keys.offer(uid, tree)));
  await store.remove(collected(verdicts.trees).map(({ id }) => keys.tree(uid, id)));
  await removePacks(deps, uid, packs);
  return await registry.remove(collected(verdicts.images));
}

/** What the registry would not let go is there still, whatever was decided. */
function withLeft(items: readonly GarbageItem[], left: readonly Left[]): GarbageItem[] {
  const reasons = new Map(left.map((image) => [refOf(image).ref, image.why]));
  return items.map((item) => {
    const why = reasons.get(item.ref);
    return why === undefined ? item : { ...item, action: "refused", why };
  });
}

function collected<T>(verdicts: readonly Verdict<T>[]): T[] {
  return verdicts.flatMap(({ of, keep }) => (keep ? [] : [of]));
}

function itemsOf(namespace: string, verdicts: TenantVerdicts, packs: readonly PackVerdict[]): GarbageItem[] {
  const list = <T>(what: string, all: readonly Verdict<T>[], describe: (of: T) => { ref: string; bytes: number | null }): GarbageItem[] =>
    all.map(({ of, keep, why }) => ({ what, action: keep ? "keep" : "collect", why, ...describe(of) }));
  const records = Map.groupBy(verdicts.records, ({ of }) => `${of.app}/${of.number}`);
  const revisions = new Set(verdicts.revisions.map(({ of }) => `${of.app}/${of.number}`));
  const bytesOf = (name: string) => (records.get(name) ?? []).reduce((sum, { of }) => sum + of.bytes, 0);
  // A revision's own log goes with it, in one line.
  const strays = verdicts.records.filter(({ of }) => !revisions.has(`${of.app}/${of.number}`));
  return [
    ...list("revision", verdicts.revisions, ({ app, number }) => ({
      ref: `${namespace}/${revisionName(app, number)}`,
      bytes: bytesOf(`${app}/${number}`),
    })),
    ...list("log", strays, ({ app, number, bytes }) => ({ ref: `${namespace}/${revisionName(app, number)}`, bytes })),
    ...list("secret", verdicts.secrets, ({ name }) => ({ ref: `${namespace}/${name}`, bytes: null })),
    ...verdicts.images.flatMap((verdict) => list(isCached(verdict.of) ? "cached layer" : "image", [verdict], refOf)),
    ...list("tree", verdicts.trees, ({ id, bytes }) => ({ ref: `${namespace}/tree:${id}`, bytes })),
    ...packs.flatMap((pack) => list("pack", [pack], ({ id, bytes }) => ({ ref: `${namespace}/pack:${id}`, bytes: bytes - movedBytes(pack) }))),
  ];
}

function isCached({ repository }: { repository: string }): boolean {
  return repository.split("/").length > 2;
}

function refOf({ repository, digest }: { repository: string; digest: string }): { ref: string; bytes: null } {
  return { ref: `${repository}@${digest}`, bytes: null };
}

function movedBytes({ of, move }: PackVerdict): number {
  const wanted = new Set(move);
  return of.chunks.reduce((sum, { digest, stored }) => sum + (wanted.has(digest) ? stored : 0), 0);
}
