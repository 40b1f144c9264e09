import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, utimesSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { mintAgentCredential, mintBuildCredential, mintPullCredential, mintStorageCredential } from "#shared/registry/credential";
import { startRegistry, type TestRegistry } from "#test/registry";
import { digestOf, RegistryUser } from "#test/registry-user";
import { Layout } from "./layout.ts";
import { Moment, Storage, type SweepOrder, Swept } from "./storage-api.ts";
import { References, sweep as sweepFiles } from "./sweep.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry[Symbol.asyncDispose]());

const url = (path: string) => `https://${registry.host}${path}`;

/** Texts that are in no other test's image. */
const layers = (count: number, size = 50_000) => Array.from({ length: count }, () => `${randomUUID()}${"x".repeat(size)}`);

async function ask(path: string, body?: object, password?: string): Promise<Response> {
  const credential = password ?? (await mintStorageCredential(registry.key, { ttlSeconds: 60 })).reveal();
  return await fetch(url(path), {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${credential}` },
    ...(body ? { body: JSON.stringify(body) } : {}),
    tls: { ca: registry.ca },
  });
}

async function storage(namespace = ""): Promise<Storage> {
  return Storage.parse(await (await ask(`/storage?namespace=${namespace}`)).json());
}

async function now(): Promise<string> {
  return Moment.parse(await (await ask("/storage/moment")).json()).moment;
}

async function sweep(order: Partial<SweepOrder> = {}): Promise<Swept> {
  const answer = await ask("/storage/sweep", { busy: [], without: [], dryRun: false, moment: await now(), ...order });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return Swept.parse(await answer.json());
}

const remove = (repository: string, ...digests: string[]) => ask("/storage/remove", { images: digests.map((digest) => ({ repository, digest })) });
const begin = (app: string, repository = app) => registry.build(app, repository);
const puller = (namespace: string) => registry.puller(namespace);

async function diskOf(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

test("an image that is removed frees what no other has, on the disk, and the others are pulled as before", async () => {
  const [shared = "", own = "", other = ""] = layers(3);
  const old = await (await begin("shop/cart")).push("1", [shared, own]);
  const kept = await (await begin("shop/cart")).push("2", [shared, other]);
  const before = await diskOf(registry.data);
  expect((await storage("shop")).repositories).toMatchObject([
    { name: "shop/cart", images: expect.arrayContaining([expect.objectContaining({ digest: old, tags: ["1"], bytes: expect.any(Number) })]) },
  ]);
  const without = [{ repository: "shop/cart", digest: old }];
  const would = await sweep({ without, dryRun: true });
  expect(await diskOf(registry.data)).toBe(before);

  expect((await remove("shop/cart", old)).status).toBe(200);
  const swept = await sweep();
  expect(swept).toEqual(would);
  expect(swept).toMatchObject({ blobs: 2, repositories: [] });
  expect(swept.bytes).toBeGreaterThanOrEqual(own.length);
  expect(before - (await diskOf(registry.data))).toBeGreaterThanOrEqual(own.length);
  const user = await puller("shop");
  expect((await user.pull("shop/cart", "2")).digest).toBe(kept);
  expect(await user.pull("shop/cart", "1").catch(String)).toContain("404");
  expect((await storage("shop")).repositories[0]?.images.map(({ digest }) => digest)).toEqual([kept]);
  // What was freed can be pushed again: distribution does not remember it.
  await (await begin("shop/cart")).push("1", [shared, own]);
  expect((await user.pull("shop/cart", "1")).digest).toBe(old);
});

test("a repository without images goes wholly; one below it stays", async () => {
  const [layer = "", cached = ""] = layers(2);
  const image = await (await begin("bank/vault")).push("1", [layer]);
  await (await begin("bank/vault", "bank/vault/cache")).push("abc", [cached]);
  await remove("bank/vault", image);
  expect((await sweep()).repositories).toEqual(["bank/vault"]);
  expect((await storage("bank")).repositories.map(({ name }) => name)).toEqual(["bank/vault/cache"]);
  expect((await (await puller("bank")).pull("bank/vault/cache", "abc")).layers).toEqual([digestOf(cached)]);
  await remove("bank/vault/cache", ...((await storage("bank")).repositories[0]?.images ?? []).map(({ digest }) => digest));
  await sweep();
  expect(existsSync(join(registry.data, "docker/registry/v2/repositories/bank"))).toBe(false);
});

test("what a push was promised stays, whether the agent knows of the push or the gate", async () => {
  const texts = layers(2);
  const first = await (await begin("team/known")).push("1", texts);
  // Begun before the moment: the agent says so.
  const known = await begin("team/known");
  expect(await Promise.all(texts.map((text) => known.has(text)))).toEqual([true, true]);
  await remove("team/known", first);
  const moment = await now();
  // Begun after it: the gate has seen its token.
  const fresh = await begin("team/known", "team/known/cache");
  await fresh.upload(texts[0] ?? "");
  await sweep({ moment, busy: ["team/known"] });
  expect(await known.finish("2", texts)).toBe(first);
  await fresh.upload("{}");
  await fresh.finish("key", texts.slice(0, 1));
  expect((await (await puller("team")).pull("team/known", "2")).digest).toBe(first);

  const second = await (await begin("team/fresh")).push("1", layers(1));
  const later = await now();
  const unknown = await begin("team/fresh");
  const more = layers(1);
  await unknown.upload(more[0] ?? "");
  await remove("team/fresh", second);
  await sweep({ moment: later });
  await unknown.upload("{}");
  await unknown.finish("2", more);
  expect((await (await puller("team")).pull("team/fresh", "2")).layers).toEqual(more.map(digestOf));
});

test("pushes, removals and sweeps at the same time: every push succeeds, and what is kept can be pulled", async () => {
  const apps = ["race/a", "race/b", "race/c"];
  const shared = layers(2, 200_000);
  const busy = new Set<string>();
  const kept = new Map<string, string>();
  let pushing = true;
  const pushAll = async (app: string) => {
    for (let number = 1; number <= 15; number++) {
      // As the agent does: the push is known before its build asks for a token.
      busy.add(app);
      const digest = await (await begin(app)).push(String(number), [...shared, ...layers(1)]);
      const before = kept.get(app);
      kept.set(app, digest);
      busy.delete(app);
      if (before) await remove(app, before);
    }
  };
  let freed = 0;
  let sweeps = 0;
  const collect = async () => {
    for (; pushing; sweeps++) {
      const moment = await now();
      freed += (await sweep({ moment, busy: [...busy] })).blobs;
    }
  };
  const collecting = collect();
  await Promise.all(apps.map(pushAll));
  pushing = false;
  await collecting;
  const user = await puller("race");
  for (const app of apps) expect((await user.pull(app, "15")).digest).toBe(kept.get(app) ?? "");
  await sweep();
  expect((await storage("race")).repositories.map(({ images }) => images.length)).toEqual([1, 1, 1]);
  expect({ freed: freed > 0, sweeps: sweeps > 1 }).toEqual({ freed: true, sweeps: true });
}, 60_000);

test("the time of a cached layer is that of the last build that took it", async () => {
  const build = await begin("use/app", "use/app/cache");
  await build.push("key", layers(1));
  const link = join(registry.data, "docker/registry/v2/repositories/use/app/cache/_manifests/tags/key/current/link");
  const revision = (await storage("use")).repositories[0]?.images[0]?.digest.slice(7) ?? "";
  const long = new Date(Date.now() - 1e9);
  utimesSync(link, long, long);
  utimesSync(join(link, "../../../../revisions/sha256", revision, "link"), long, long);
  const usedAt = async () => (await storage("use")).repositories[0]?.images[0]?.usedAt ?? 0;
  expect(await usedAt()).toBe(long.getTime());
  await (await puller("use")).pull("use/app/cache", "key");
  expect(await usedAt()).toBeGreaterThan(long.getTime());
});

test("a gate that was restarted does not sweep by what it knew before", async () => {
  const moment = await now();
  await registry.restartGate();
  await expect(sweep({ moment })).rejects.toThrow("restarted");
});

test("an image that cannot be understood stops a sweep before it takes anything", async () => {
  const image = await (await begin("odd/app")).push("1", layers(1));
  const hex = image.slice(7);
  const data = join(registry.data, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  const text = await Bun.file(data).text();
  await Bun.write(data, "not a manifest");
  const before = await diskOf(registry.data);
  await expect(sweep()).rejects.toThrow(image);
  expect(await diskOf(registry.data)).toBe(before);
  await Bun.write(data, text);
});

test("killed after any of its steps, a sweep has taken nothing that is needed, and the next one does the rest", async () => {
  const [shared = "", own = ""] = layers(2);
  const kept = await (await begin("kill/app")).push("kept", [shared]);
  const [first, second] = [await (await begin("kill/app")).push("1", [shared, own]), await (await begin("kill/other")).push("1", layers(1))];
  await remove("kill/app", first);
  await remove("kill/other", second);
  let kills = 0;
  for (let allowed = 0, ended = false; !ended; allowed++) {
    const kill = new AbortController();
    const layout = new Dying(registry.data, allowed, kill);
    const options = { isSpared: () => false, without: [], dryRun: false, signal: kill.signal };
    ended = await sweepFiles(layout, new References(layout), options).then(
      () => true,
      () => false,
    );
    if (!ended) kills += 1;
    expect((await (await puller("kill")).pull("kill/app", "kept")).digest).toBe(kept);
    // A push finds what is there to be there, and what is not to be missing.
    expect(await (await begin("kill/app")).push("1", [shared, own])).toBe(first);
    await remove("kill/app", first);
  }
  expect(kills).toBeGreaterThan(2);
  expect((await storage("kill")).repositories.map(({ name, images }) => [name, images.length])).toEqual([["kill/app", 1]]);
  await sweep();
  expect(await sweep({ dryRun: true })).toEqual({ blobs: 0, bytes: 0, repositories: [] });
});

/** Is killed after so many removals. */
class Dying extends Layout {
  readonly #kill: AbortController;
  #left: number;

  constructor(root: string, left: number, kill: AbortController) {
    super(root);
    this.#left = left;
    this.#kill = kill;
  }

  #spend(): void {
    if (this.#left-- === 0) this.#kill.abort(new Error("killed"));
  }

  override async removeLayer(repository: string, digest: string): Promise<void> {
    this.#spend();
    await super.removeLayer(repository, digest);
  }

  override async removeBlob(digest: string): Promise<void> {
    this.#spend();
    await super.removeBlob(digest);
  }

  override async removeRepository(name: string): Promise<void> {
    this.#spend();
    await super.removeRepository(name);
  }
}

test("only the agent's own credential opens the storage", async () => {
  const others = [
    "",
    (await mintBuildCredential(registry.key, { repository: "shop/cart", ttlSeconds: 60 })).reveal(),
    (await mintPullCredential(registry.key, { namespace: "shop" })).reveal(),
    (await mintAgentCredential(registry.key, { ttlSeconds: 60, access: [{ repository: "shop/cart", actions: ["delete"] }] })).reveal(),
    (await mintStorageCredential(registry.key, { ttlSeconds: -1 })).reveal(),
  ];
  for (const password of others) {
    expect((await ask("/storage", undefined, password)).status).toBe(401);
    expect((await ask("/storage/remove", { images: [] }, password)).status).toBe(401);
    expect((await ask("/storage/sweep", {}, password)).status).toBe(401);
  }
  // And it opens nothing else.
  const storageOnly = (await mintStorageCredential(registry.key, { ttlSeconds: 60 })).reveal();
  expect(await new RegistryUser(url(""), registry.ca, storageOnly).pull("shop/cart", "2").catch(String)).toContain("401");
});
