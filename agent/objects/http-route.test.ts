import { expect, test } from "bun:test";
import { httpRoutes } from "./http-route.ts";
import type { App } from "./types.ts";

const app = { apiVersion: "davit.dev/v1alpha1", kind: "App", metadata: { name: "shop", namespace: "team", uid: "1" } } as App;
const gateway = { namespace: "edge", name: "public" };
const paths = (routes: string[]) =>
  httpRoutes(app, routes, gateway).map(({ spec }) => [
    spec?.hostnames,
    spec?.rules?.flatMap(({ matches }) => matches?.map(({ path }) => path?.value)),
  ]);

test("each host has an HTTPRoute with its own paths, so that no path is another host's too", () => {
  expect(paths(["a.test/api", "b.test", "a.test/docs"])).toEqual([
    [["a.test"], ["/api", "/docs"]],
    [["b.test"], ["/"]],
  ]);
  expect(paths([])).toEqual([]);
});

test("an HTTPRoute is the app's, goes with it, and is called what it is for, as far as a name can be that long", () => {
  const host = `${"x".repeat(60)}.test`;
  const [route] = httpRoutes(app, [host], gateway);
  expect(route).toMatchObject({
    metadata: { name: `shop.${host}`, namespace: "team", labels: { "davit.dev/app": "shop" }, ownerReferences: [{ kind: "App", name: "shop" }] },
    spec: { parentRefs: [gateway], rules: [{ backendRefs: [{ name: "shop", port: 80 }] }] },
  });
  const long = ["a", "b"].map((letter) => `${Array(4).fill(letter.repeat(61)).join(".")}.test`);
  const names = httpRoutes(app, long, gateway).map(({ metadata }) => metadata?.name ?? "");
  expect(new Set(names).size).toBe(2);
  expect(names.every((name) => name.startsWith("shop.") && name.length <= 253)).toBe(true);
});
