import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import type { Fault } from "#shared/fault";
import type { GarbageItem } from "#shared/garbage";
import { waitFor } from "#shared/kube/watch";
import { getApp, listRevisions } from "../apps.ts";
import { openRegistry } from "../images/open.ts";
import { STAGING } from "../objects/meta.ts";
import { stagingVolume } from "../objects/staging.ts";
import { DAVIT_API } from "../objects/types.ts";
import { Removals } from "../remove.ts";
import { keys } from "../store/keys.ts";
import { Sync } from "../sync/sync.ts";
import { type Tenant, Tenants } from "../tenants.ts";
import { Collector } from "./collector.ts";
import { startWorld, type World } from "./testing/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ keepRevisions: 2 });
}, 90_000);
afterAll(() => world[Symbol.asyncDispose]());

/** A text that is in no other push. */
const fresh = (bytes = 2000) => `${randomUUID()} ${"text ".repeat(bytes / 5)}`;

async function run(options: { dryRun?: boolean; namespace?: string } = {}): Promise<GarbageItem[]> {
  return await Array.fromAsync(world.collector.run({ dryRun: false, ...options }));
}

const gone = (items: GarbageItem[]) => items.filter(({ action }) => action === "collect").map(({ what, ref }) => [what, ref] as const);
const stored = async ({ uid }: Pick<Tenant, "uid">) =>
  (await world.deps.store.list(keys.tenant(uid))).map((key) => key.slice(keys.tenant(uid).length));
const kindsOf = (names: string[]) => [...new Set(names.map((key) => key.split("/")[0]))].sort();

test("what is said to be garbage goes, with all that only it needed, and the rest is whole", async () => {
  const team = await world.tenant("prune");
  const shared = fresh(40_000);
  const pushes = [];
  for (let number = 1; number <= 4; number++) pushes.push(await world.push(team, "shop", { shared, own: fresh(200_000) }));
  const [first, , third, fourth] = pushes;
  const would = gone(await run({ dryRun: true, namespace: "prune" }));
  expect(await listRevisions(world.deps.kube, "prune", "shop")).toHaveLength(4);
  const before = await stored(team);

  const did = await run({ namespace: "prune" });
  expect(gone(did)).toEqual(would);
  const kinds = would.map(([what]) => what);
  expect([...new Set(kinds)].filter((what) => what !== "cached layer")).toEqual(["revision", "image", "tree", "pack", "layers"]);
  expect([kinds.filter((what) => what === "image").length, kinds.filter((what) => what === "tree").length]).toEqual([2, 2]);
  expect(would.filter(([what]) => what === "revision").map(([, ref]) => ref)).toEqual(["prune/shop-2", "prune/shop-1"]);
  expect((await listRevisions(world.deps.kube, "prune", "shop")).map(({ spec }) => spec.number)).toEqual([4, 3]);
  expect(did.find(({ what }) => what === "layers")?.bytes).toBeGreaterThan(2 * 200_000);
  const after = await stored(team);
  expect(after.length).toBeLessThan(before.length);
  expect(after.filter((key) => key.startsWith("trees/"))).toHaveLength(2);

  for (const pushed of [third, fourth]) {
    if (!pushed) continue;
    await world.read(team, pushed.revision);
    expect(await world.pull(pushed.image)).toBe(pushed.image.split("@")[1] ?? "");
  }
  expect(await world.pull(first?.image ?? "").catch(String)).toContain("404");
  expect(gone(await run({ namespace: "prune" }))).toEqual([]);
  // And what went can come again.
  const again = await world.push(team, "shop", { shared, own: fresh() });
  await world.read(team, again.revision);
}, 60_000);

test("an app that is deleted leaves nothing, and its neighbour everything", async () => {
  const team = await world.tenant("remove");
  const shared = fresh(30_000);
  const kept = await world.push(team, "kept", { shared });
  await world.push(team, "gone", { shared, own: fresh(30_000) });
  await world.push(team, "gone", { shared, other: fresh(30_000) });
  const removals = new Removals(world.deps, world.runner, world.collector);
  await removals.remove("remove", "gone");

  expect((await world.deps.registry.read("remove")).map(({ name }) => name)).toEqual(["remove/kept", "remove/kept/cache"]);
  const left = await stored(team);
  expect(left.filter((key) => key.includes("gone"))).toEqual([]);
  expect(left.filter((key) => key.startsWith("trees/"))).toEqual([
    `trees/${kept.revision.spec.source.kind === "tree" ? kept.revision.spec.source.tree : ""}`,
  ]);
  await world.read(team, kept.revision);
  await world.pull(kept.image);

  await removals.remove("remove", "kept");
  expect(await stored(team)).toEqual([]);
  expect(await world.deps.registry.read("remove")).toEqual([]);
}, 60_000);

test("a deletion that finds the registry away says so, and goes on when it is back", async () => {
  const team = await world.tenant("away");
  await world.push(team, "shop", { own: fresh() });
  const registry = openRegistry(
    { ...world.deps.config, registry: { kind: "built-in", host: "localhost:1", nodeHost: "localhost:1" } },
    world.deps.kube,
  );
  const deps = { ...world.deps, registry };
  const without = new Removals(deps, world.runner, new Collector(deps, new Tenants(deps, new Sync(deps, AbortSignal.abort())), () => []), 0);
  const failed = await without.remove("away", "shop").catch((error: Fault) => error);
  expect(failed).toMatchObject({
    code: "registry_unavailable",
    message: expect.stringContaining("'shop' is being deleted"),
    details: { next: expect.any(String) },
  });
  expect((await getApp(world.deps.kube, "away", "shop"))?.metadata.deletionTimestamp).toBeString();

  const stop = new AbortController();
  const following = new Removals(world.deps, world.runner, world.collector).follow(stop.signal);
  const ref = { apiVersion: DAVIT_API, kind: "App", namespace: "away", name: "shop" };
  await waitFor(world.deps.kube, ref, (app) => (app ? undefined : true), AbortSignal.timeout(30_000));
  expect(await stored(team)).toEqual([]);
  const again = await world.push(team, "shop", { own: fresh() });
  stop.abort();
  await following;
  expect(await world.pull(again.image)).toBe(again.image.split("@")[1] ?? "");
}, 60_000);

test("an upload that has not become a revision yet stays; a namespace that is gone leaves nothing", async () => {
  const team = await world.tenant("offers");
  await world.upload(team, { "server.ts": fresh() });
  expect(gone(await run({ namespace: "offers" }))).toEqual([]);
  expect(kindsOf(await stored(team))).toEqual(["chunks-index", "offers", "packs", "trees"]);

  const { kube, store } = world.deps;
  await store.put(keys.tree("no-such-uid", "x"), Buffer.from("left"));
  const volume = stagingVolume({ namespace: "offers", app: "nobody", agentImage: "", kanikoImage: "", storageClass: "" });
  await kube.create(volume);
  const left = [
    ["volume", `${STAGING}/${volume.metadata?.name}`],
    ["namespace", "no-such-uid"],
  ] as const;
  expect(gone(await run({ dryRun: true }))).toEqual(expect.arrayContaining([...left]));
  expect(gone(await run())).toEqual(expect.arrayContaining([...left]));
  expect(await stored({ uid: "no-such-uid" })).toEqual([]);
  const { apiVersion = "", kind = "" } = volume;
  expect((await kube.get({ apiVersion, kind, namespace: STAGING, name: volume.metadata?.name ?? "" }))?.metadata).not.toHaveProperty("name");
  await world.collector.forget(team);
  expect(await stored(team)).toEqual([]);
}, 60_000);
