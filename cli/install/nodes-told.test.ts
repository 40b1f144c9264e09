import { expect, test } from "bun:test";
import type { IssuerChoice } from "./issuer.ts";
import { needNodesTold } from "./nodes-told.ts";
import { resolveOptions } from "./options.ts";

const acme: IssuerChoice = { kind: "acme", server: "https://acme.example.com", email: "", ca: "" };
const options = resolveOptions({ domain: "apps.example.com", images: {}, mirrors: [], certsDirs: [], podCidrs: [] }, {});

test.each([
  ["daemonset", undefined, false],
  ["insecure-nodeport", undefined, false],
  ["manual", undefined, true],
  ["manual", acme, true],
  ["public", acme, false],
  ["public", undefined, true],
  ["public", { kind: "given-ca" }, true],
] as const)("with --node-trust %s and %j it is the admin's to tell nodes: %p", (nodeTrust, issuer, expected) => {
  const asked = () => needNodesTold({ ...options, nodeTrust, issuer }, "go on");
  if (expected) expect(asked).toThrow(`with --node-trust ${nodeTrust} that is yours to do`);
  else expect(asked).not.toThrow();
});

test("where the registry is external, davit's CA vouches for nothing that nodes pull", () => {
  const registry = { host: "registry.example.com", prefix: "", plainHttp: false, ca: "", secret: "", pullSecret: "" };
  expect(() => needNodesTold({ ...options, nodeTrust: "manual", registry }, "go on")).not.toThrow();
});
