import { expect, test } from "bun:test";
import type { V1Ingress } from "#shared/kube/objects";
import { takenRoute } from "./routes.ts";

const ingress = (namespace: string, app: string, host: string, ...paths: string[]): V1Ingress => ({
  metadata: { name: app, namespace, labels: { "davit.dev/app": app } },
  spec: { rules: [{ host, http: { paths: paths.map((path) => ({ path, pathType: "Prefix", backend: {} })) } }] },
});
const all = [ingress("one", "shop", "shop.test", "/"), ingress("one", "api", "multi.test", "/api"), ingress("two", "blog", "blog.test", "/")];

test("a route is free unless somebody else has it, and a host is one tenant's", () => {
  const me = { namespace: "one", app: "shop" };
  expect(takenRoute(all, me, ["shop.test", "new.test"])).toBeUndefined();
  expect(takenRoute(all, me, ["shop.test/any"])).toBeUndefined();
  expect(takenRoute(all, me, ["multi.test/other"])).toBeUndefined();
  expect(takenRoute(all, me, ["multi.test/api"])).toEqual({ route: "multi.test/api", owner: "the app 'api'" });
  expect(takenRoute(all, me, ["blog.test"])).toEqual({ route: "blog.test", owner: "Ingress two/blog" });
  expect(takenRoute(all, me, ["blog.test/mine"])).toEqual({ route: "blog.test/mine", owner: "Ingress two/blog" });
});
