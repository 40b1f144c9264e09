import { afterAll, beforeAll, expect, test } from "bun:test";
import { pushImage } from "#cli/image/push-image";
import { makeImage, plainLayer } from "#shared/oci/image";
import type { RegistryPlace } from "#shared/places";
import { type ControlPlane, startControlPlane } from "#test/control-plane";
import { startExternalRegistry } from "#test/external";
import crds from "../../manifests/crds.yaml" with { type: "text" };
import { DAVIT_API } from "../objects/types.ts";
import { externalRegistry } from "./external.ts";

let plane: ControlPlane;
const spec = { routes: [], instances: 1, stopped: false, port: 8080, configurations: [] };
beforeAll(async () => {
  plane = await startControlPlane();
  for (const crd of Bun.YAML.parse(String(crds)) as { apiVersion: string; kind: string }[]) await plane.admin.apply(crd);
  while (!(await plane.admin.fetch(`/apis/${DAVIT_API}/apps`)).ok) await Bun.sleep(20);
  await plane.admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "team" } });
  await plane.admin.apply({ apiVersion: DAVIT_API, kind: "App", metadata: { name: "shop", namespace: "team" }, spec } as never);
}, 90_000);
afterAll(() => plane[Symbol.asyncDispose]());

const LOGIN = { user: "ci", password: "pass" };

/** Pushes an image to a repository of the place; gives its digest. */
async function push(place: RegistryPlace, repository: string, tag: string, text = tag): Promise<string> {
  const image = makeImage([await plainLayer([{ kind: "file", path: "a", from: Buffer.from(text) }])], {}, "amd64", "test");
  return await pushImage(image, { host: place.host, repository: `${place.prefix}/${repository}`, tag }, { ca: place.ca, credentials: LOGIN });
}

test("images of an app and of its cache are found by their tags, and go for good", async () => {
  await using server = await startExternalRegistry({ login: LOGIN });
  const place = { ...server.place, prefix: "some/where" };
  const registry = externalRegistry(place, undefined, plane.admin);
  const first = await push(place, "team/shop", "1");
  expect(await push(place, "team/shop", "2", "1")).toBe(first);
  const cached = await push(place, "team/shop/cache", "key");
  await push(place, "other/shop", "1");

  expect(registry.name).toBe(`${place.host}/some/where`);
  expect(await registry.findDigest("team/shop", "2", AbortSignal.timeout(5000))).toBe(first);
  expect(await registry.findDigest("team/shop", "3", AbortSignal.timeout(5000))).toBeUndefined();
  const found = await registry.read("team");
  expect(found).toMatchObject([
    { name: "team/shop", images: [{ digest: first, tags: ["1", "2"], bytes: expect.any(Number) }] },
    { name: "team/shop/cache", images: [{ digest: cached, tags: ["key"] }] },
  ]);
  expect(await registry.remove([{ repository: "team/shop", digest: first }])).toEqual([]);
  expect(await registry.remove([{ repository: "team/shop", digest: first }])).toEqual([]);
  expect((await registry.read("team")).map(({ name }) => name)).toEqual(["team/shop/cache"]);
});

test("what a registry that deletes nothing keeps is told, and nothing fails", async () => {
  await using server = await startExternalRegistry({ login: LOGIN, deletes: false });
  const place = { ...server.place, prefix: "davit" };
  const registry = externalRegistry(place, undefined, plane.admin);
  const image = { repository: "team/shop", digest: await push(place, "team/shop", "1") };
  expect(await registry.remove([image])).toEqual([{ ...image, why: "its registry deletes nothing" }]);
  expect(await registry.findDigest("team/shop", "1", AbortSignal.timeout(5000))).toBe(image.digest);
});

test("a registry that is away is said to be, and builds and nodes get the logins that are for them", async () => {
  await using server = await startExternalRegistry({ login: LOGIN });
  const { place } = server;
  const away = externalRegistry({ ...place, host: "127.0.0.1:1" }, undefined, plane.admin);
  await expect(away.findDigest("team/shop", "1", AbortSignal.timeout(5000))).rejects.toMatchObject({ code: "registry_unavailable" });

  const logins = async (pull: RegistryPlace["login"]) => {
    const registry = externalRegistry(place, pull, plane.admin);
    const forNodes = await registry.pullLogin("team");
    const texts = [await registry.buildLogin("team", "shop"), await forNodes.config()];
    return { id: forNodes.id, users: texts.map((text) => atob(JSON.parse(text).auths[place.host].auth)) };
  };
  const one = await logins(undefined);
  const two = await logins(place.login && { user: "nodes", password: place.login.password });
  expect([one.users, two.users]).toEqual([
    ["ci:pass", "ci:pass"],
    ["ci:pass", "nodes:pass"],
  ]);
  expect(one.id).not.toBe(two.id);
});
