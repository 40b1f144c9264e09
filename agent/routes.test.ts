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

test("what proves a route to an ACME server does not take it, and only davit's own proofs do not", () => {
  const proof = (namespace: string): V1Ingress => {
    const found = ingress(namespace, "", "new.test", "/.well-known/acme-challenge/token");
    return { ...found, metadata: { name: "cm-acme-http-solver-1", namespace, labels: { "acme.cert-manager.io/http01-solver": "true" } } };
  };
  const me = { namespace: "one", app: "shop" };
  expect(takenRoute([proof("davit")], me, ["new.test"])).toBeUndefined();
  expect(takenRoute([proof("two")], me, ["new.test"])?.owner).toBe("Ingress two/cm-acme-http-solver-1");
});
