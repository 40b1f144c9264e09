import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pushImage } from "#cli/image/push-image";
import type { Amount } from "#shared/migration";
import { makeImage, plainLayer } from "#shared/oci/image";
import { RegistryApi } from "#shared/oci/registry-api";
import type { RegistryPlace } from "#shared/places";
import { type ExternalRegistry, startExternalRegistry } from "#test/external";
import { startVersity, type TestStore } from "#test/versity";
import { tagsOf } from "../images/external.ts";
import { copyImages } from "./copy-images.ts";
import { copyStore } from "./copy-store.ts";

const quiet = () => {};

describe("a store", () => {
  let from: TestStore;
  let to: TestStore;
  beforeAll(async () => {
    [from, to] = await Promise.all([startVersity(), startVersity()]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([from, to].map((store) => store[Symbol.asyncDispose]()));
  });

  test("holds exactly what the other does, also after changes, and what is the same is not sent again", async () => {
    for (const [key, text] of [
      ["ns/1/packs/a", "pack"],
      ["ns/1/logs/shop/1/1", "one"],
      ["ns/2/trees/b", ""],
    ] as const)
      await from.store.put(key, Buffer.from(text));
    await to.store.put("ns/1/logs/shop/1/2", Buffer.from("of another app of this name"));
    await to.store.put("davit.json", Buffer.from("whose it is"));
    const told: Amount[] = [];
    expect(await copyStore(from.store, to.store, (done) => void told.push(done))).toEqual({ items: 3, bytes: 7 });
    expect(told.at(-1)).toEqual({ items: 3, bytes: 7 });
    expect(await to.store.list("")).toEqual(["davit.json", "ns/1/logs/shop/1/1", "ns/1/packs/a", "ns/2/trees/b"]);

    await from.store.put("ns/1/logs/shop/1/1", Buffer.from("two"));
    await from.store.remove(["ns/1/packs/a"]);
    expect(await copyStore(from.store, to.store, quiet)).toEqual({ items: 1, bytes: 3 });
    expect(await to.store.list("ns/")).toEqual(["ns/1/logs/shop/1/1", "ns/2/trees/b"]);
    expect(Buffer.from((await to.store.get("ns/1/logs/shop/1/1")) ?? []).toString()).toBe("two");
    expect(await copyStore(from.store, to.store, quiet)).toEqual({ items: 0, bytes: 0 });
  });
});

describe("a registry", () => {
  const LOGIN = { user: "ci", password: "pass" };
  let from: ExternalRegistry;
  let to: ExternalRegistry;
  beforeAll(async () => {
    [from, to] = await Promise.all([startExternalRegistry({ tls: false }), startExternalRegistry({ login: LOGIN })]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([from, to].map((registry) => registry[Symbol.asyncDispose]()));
  });

  async function put(repository: string, tag: string, text: string): Promise<string> {
    const image = makeImage([await plainLayer([{ kind: "file", path: "a", from: Buffer.from(text) }])], {}, "amd64", "test");
    return await pushImage(image, { host: from.place.host, repository, tag }, { insecureHttp: true });
  }
  const open = (place: RegistryPlace) => async () => new RegistryApi(place);
  const digestOf = async (place: RegistryPlace, name: string, reference: string) => {
    const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };
    const response = await new RegistryApi(place).request(name, `manifests/${reference}`, "pull", () => ({ headers }));
    return response.ok ? response.headers.get("docker-content-digest") : undefined;
  };

  test("has the images of revisions, tags and caches, also after changes, and what is there is not sent again", async () => {
    const first = await put("team/shop", "1", "one");
    await put("team/shop", "2", "two");
    // The tag has moved on, the revision's image stays.
    const second = await put("team/shop", "1", "newer");
    const cached = await put("team/shop/cache", "key", "layer");
    const wanted = [{ repository: "team/shop", digests: [first, `sha256:${"0".repeat(64)}`] }];
    const target = { ...to.place, prefix: "some/where" };
    const ends = { from: open(from.place), to: open(target) };
    expect(await copyImages(wanted, { ...ends, to: undefined }, quiet)).toMatchObject({ items: 8 });
    expect(await copyImages(wanted, ends, quiet)).toMatchObject({ items: 8 });
    expect(await digestOf(target, "team/shop", first)).toBe(first);
    expect(await digestOf(target, "team/shop", "1")).toBe(second);
    expect(await digestOf(target, "team/shop/cache", "key")).toBe(cached);
    expect(await copyImages(wanted, ends, quiet)).toEqual({ items: 0, bytes: 0 });

    const third = await put("team/shop", "2", "three");
    expect(await copyImages(wanted, ends, quiet)).toMatchObject({ items: 2 });
    expect(await digestOf(target, "team/shop", "2")).toBe(third);
    expect(await tagsOf(new RegistryApi(target), "team/shop")).toEqual(["1", "2"]);
  });

  test("that gives damaged bytes has nothing taken of it", async () => {
    const digest = await put("team/bad", "1", "what is to be damaged on its way");
    using damaging = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        const answer = await fetch(`http://${from.place.host}${pathname}`, { method: request.method, headers: request.headers });
        const bytes = await answer.bytes();
        if (pathname.includes("/blobs/") && bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 1;
        return new Response(bytes, { status: answer.status, headers: answer.headers });
      },
    });
    const place = { ...from.place, host: damaging.url.host };
    const copying = copyImages([{ repository: "team/bad", digests: [digest] }], { from: open(place), to: open(to.place) }, quiet);
    await expect(copying).rejects.toThrow();
    expect(await digestOf(to.place, "team/bad", digest)).toBeUndefined();
  });
});
