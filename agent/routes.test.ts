import { expect, test } from "bun:test";
import type { HttpRoute } from "#shared/gateway";
import type { V1Ingress } from "#shared/kube/objects";
import { claimsOfHttpRoute, claimsOfIngress, takenRoute } from "./routes.ts";

const ingress = (namespace: string, app: string, host: string, ...paths: string[]): V1Ingress => ({
  metadata: { name: app, namespace, labels: { "davit.dev/app": app } },
  spec: { rules: [{ host, http: { paths: paths.map((path) => ({ path, pathType: "Prefix", backend: {} })) } }] },
});
const all = [ingress("one", "shop", "shop.test", "/"), ingress("one", "api", "multi.test", "/api"), ingress("two", "blog", "blog.test", "/")].flatMap(
  claimsOfIngress,
);

test("a route is free unless somebody else has it, and a host is one tenant's", () => {
  const me = { namespace: "one", app: "shop" };
  expect(takenRoute(all, me, ["shop.test", "new.test"])).toBeUndefined();
  expect(takenRoute(all, me, ["shop.test/any"])).toBeUndefined();
  expect(takenRoute(all, me, ["multi.test/other"])).toBeUndefined();
  expect(takenRoute(all, me, ["multi.test/api"])).toEqual({ route: "multi.test/api", owner: "the app 'api'" });
  expect(takenRoute(all, me, ["blog.test"])).toEqual({ route: "blog.test", owner: "Ingress two/blog" });
  expect(takenRoute(all, me, ["blog.test/mine"])).toEqual({ route: "blog.test/mine", owner: "Ingress two/blog" });
});

test("what proves a route to an ACME server does not take it, and only davit's own proofs do not", () => {
  const proof = (namespace: string): V1Ingress => {
    const found = ingress(namespace, "", "new.test", "/.well-known/acme-challenge/token");
    return { ...found, metadata: { name: "cm-acme-http-solver-1", namespace, labels: { "acme.cert-manager.io/http01-solver": "true" } } };
  };
  const me = { namespace: "one", app: "shop" };
  expect(takenRoute(claimsOfIngress(proof("davit")), me, ["new.test"])).toBeUndefined();
  expect(takenRoute(claimsOfIngress(proof("two")), me, ["new.test"])?.owner).toBe("Ingress two/cm-acme-http-solver-1");
});

test("an HTTPRoute takes its hosts as an Ingress does, each with all of its paths", () => {
  const me = { namespace: "one", app: "shop" };
  const matches = ["/api", "/docs"].map((value) => ({ path: { type: "PathPrefix", value } }));
  const route = (namespace: string, rules: NonNullable<HttpRoute["spec"]>["rules"]): HttpRoute => ({
    metadata: { name: "site", namespace },
    spec: { hostnames: ["a.test", "b.test"], ...(rules ? { rules } : {}) },
  });
  const taken = (namespace: string, rules: NonNullable<HttpRoute["spec"]>["rules"], wanted: string) =>
    takenRoute(claimsOfHttpRoute(route(namespace, rules)), me, [wanted])?.owner;
  expect([taken("one", [{ matches }], "b.test/docs"), taken("one", [{ matches }], "b.test")]).toEqual(["HTTPRoute one/site", undefined]);
  expect(taken("one", [{}], "a.test")).toBe("HTTPRoute one/site");
  expect(taken("two", undefined, "a.test/any")).toBe("HTTPRoute two/site");
});
