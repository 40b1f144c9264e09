import { expect, test } from "bun:test";
import { type IssuerChoice, resolveIssuer } from "./issuer.ts";

const acme: IssuerChoice = { kind: "acme", server: "https://acme.test/dir", email: "ops@example.com", ca: "PEM" };
const usage = (flag: string) => expect.objectContaining({ code: "usage", message: expect.stringContaining(flag) });

test("what was said of the issuer wins over what is installed", () => {
  expect(resolveIssuer({}, undefined)).toBeUndefined();
  expect(resolveIssuer({}, acme)).toEqual(acme);
  expect(resolveIssuer({ acmeEmail: "new@example.com" }, acme)).toEqual({ ...acme, email: "new@example.com" });
  expect(resolveIssuer({ issuer: "private-ca" }, acme)).toEqual({ kind: "private-ca" });
  expect(resolveIssuer({ issuer: "selfsigned" }, acme)).toEqual({ kind: "selfsigned" });
  expect(resolveIssuer({ issuer: "existing:ClusterIssuer/letsencrypt" }, acme)).toEqual({
    kind: "existing",
    issuer: { kind: "ClusterIssuer", name: "letsencrypt" },
  });
});

test("ACME is Let's Encrypt's production server unless another is named", () => {
  expect(resolveIssuer({ issuer: "acme" }, undefined)).toEqual({
    kind: "acme",
    server: "https://acme-v02.api.letsencrypt.org/directory",
    email: "",
    ca: "",
  });
  expect(resolveIssuer({ issuer: "acme", acmeServer: "staging" }, undefined)).toMatchObject({
    server: "https://acme-staging-v02.api.letsencrypt.org/directory",
  });
  expect(resolveIssuer({ issuer: "acme", acmeServer: "https://acme.test/dir" }, undefined)).toMatchObject({ server: "https://acme.test/dir" });
});

test("what is brought is a certificate in a Secret, or a CA; brought once, it stays", () => {
  const mine = { kind: "given-certificate", secret: "wildcard" } as const;
  expect(resolveIssuer({ issuer: "byo", tlsSecret: "wildcard" }, undefined)).toEqual(mine);
  expect(resolveIssuer({ issuer: "byo" }, mine)).toEqual(mine);
  expect(resolveIssuer({ files: "certificate" }, mine)).toEqual({ kind: "given-certificate", secret: "davit-given-tls" });
  expect(resolveIssuer({ issuer: "byo", files: "ca" }, mine)).toEqual({ kind: "given-ca" });
  expect(() => resolveIssuer({ issuer: "byo" }, acme)).toThrow(usage("--tls-cert"));
});

test("flags that belong to another issuer are refused", () => {
  expect(() => resolveIssuer({ acmeServer: "staging" }, undefined)).toThrow(usage("--acme-server goes with --issuer acme"));
  expect(() => resolveIssuer({ issuer: "byo", tlsSecret: "x", acmeCa: "PEM" }, acme)).toThrow(usage("--acme-ca goes with"));
  expect(() => resolveIssuer({ tlsSecret: "x" }, undefined)).toThrow(usage("--tls-secret goes with --issuer byo"));
  expect(() => resolveIssuer({ issuer: "acme", files: "ca" }, undefined)).toThrow(usage("--ca-cert goes with --issuer byo"));
});
