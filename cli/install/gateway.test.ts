import { expect, test } from "bun:test";
import type { Condition, Gateway, Listener } from "#shared/gateway";
import { gatewayProblems, unready } from "./gateway.ts";
import { resolveGateway } from "./gateway-ref.ts";

const ref = { namespace: "edge", name: "public" };
const options = { gateway: ref, domain: "apps.example.com:8443" };
const listener: Listener = {
  name: "davit",
  protocol: "HTTPS",
  allowedRoutes: { namespaces: { from: "All" } },
  tls: { certificateRefs: [{ namespace: "davit", name: "davit-wildcard-tls" }] },
};
const condition = (type: string, status: string, more: Partial<Condition> = {}): Condition => ({ type, status, observedGeneration: 2, ...more });
const gateway = (some: Partial<Listener> = {}, conditions = [condition("Accepted", "False")]): Gateway => ({
  metadata: { generation: 2 },
  spec: {
    listeners: [
      { name: "http", protocol: "HTTP" },
      { ...listener, ...some },
    ],
  },
  status: { conditions, listeners: [{ name: "davit", conditions: ["ResolvedRefs", "Programmed"].map((type) => condition(type, "True")) }] },
});
const told = (found: Gateway | undefined, wildcard = true) => gatewayProblems(options, found, wildcard).map(({ problem }) => problem);

test("what is said wins over what is installed, and an empty name means the ingress", () => {
  expect(resolveGateway(undefined, ref)).toEqual(ref);
  expect(resolveGateway("", ref)).toBeUndefined();
  expect(resolveGateway("kube-system/traefik", ref)).toEqual({ namespace: "kube-system", name: "traefik" });
});

test("a listener is fit before davit is there, though its certificate is not", () => {
  expect(told(gateway())).toEqual([]);
  for (const hostname of ["*.apps.example.com", "*.example.com"]) expect(told(gateway({ hostname }))).toEqual([]);
});

test.each<[string, Gateway | undefined, string]>([
  ["no Gateway", undefined, "is not there"],
  ["no controller", gateway({}, [condition("Accepted", "Unknown", { reason: "Pending" })]), "no controller has taken"],
  ["a listener in clear", gateway({ protocol: "HTTP" }), "has no listener"],
  ["a listener for another domain", gateway({ hostname: "*.other.example.com" }), "has no listener"],
  ["a listener for one host", gateway({ hostname: "davit.apps.example.com" }), "has no listener"],
  ["a listener for routes of its own namespace", gateway({ allowedRoutes: { namespaces: { from: "Same" } } }), "has no listener"],
  ["a listener with another certificate", gateway({ tls: { certificateRefs: [{ name: "davit-wildcard-tls" }] } }), "has no listener"],
])("%s is in the way", (_, found, says) => {
  expect(told(found)).toEqual([expect.stringContaining(says)]);
});

test("an issuer without a certificate for the whole domain is in the way, and nothing is without a Gateway", () => {
  expect(told(gateway(), false)).toEqual([expect.stringContaining("a certificate of its own")]);
  expect(gatewayProblems({ domain: options.domain }, undefined, false)).toEqual([]);
});

test("a Gateway is ready when its controller says so of the listener as it is now", () => {
  expect(unready(gateway(), options.domain)).toBeUndefined();
  expect(unready({ ...gateway(), metadata: { generation: 3 } }, options.domain)).toContain("listener davit");
  const refused = gateway();
  refused.status = { listeners: [{ name: "davit", conditions: [condition("ResolvedRefs", "False", { message: "missing ReferenceGrant" })] }] };
  expect(unready(refused, options.domain)).toContain("missing ReferenceGrant");
});
