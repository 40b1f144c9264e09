import { expect, test } from "bun:test";
import type { CertificatePlan } from "#shared/certificates";
import { certificatePlan, type Issuer, issuers, issuesWildcard, unready } from "./certificates.ts";
import type { IssuerChoice } from "./issuer.ts";

const domain = "apps.example.com:8443";
const acme: IssuerChoice = { kind: "acme", server: "https://acme.test/dir", email: "", ca: "PEM" };
const existing: IssuerChoice = { kind: "existing", issuer: { kind: "ClusterIssuer", name: "ours" } };
const CASES: [IssuerChoice | undefined, CertificatePlan["outside"], CertificatePlan["outside"]?][] = [
  [undefined, { by: "davit-ca" }],
  [{ kind: "private-ca" }, { by: "davit-ca" }],
  [{ kind: "given-ca" }, { by: "davit-ca" }],
  [{ kind: "given-certificate", secret: "mine" }, { by: "given" }],
  [{ kind: "selfsigned" }, { by: "issuer", issuer: { kind: "Issuer", name: "davit-selfsigned" }, wildcard: true }, { by: "self" }],
  [acme, { by: "issuer", issuer: { kind: "Issuer", name: "davit-acme" }, wildcard: false }],
];

test.each(CASES)("%j is planned with cert-manager, and without where it can be", (issuer, outside, without = outside) => {
  const options = { domain, ...(issuer ? { issuer } : {}) };
  expect(certificatePlan(options, { certManager: true })).toEqual({ inside: "cert-manager", outside });
  expect(certificatePlan(options, { certManager: false })).toEqual({ inside: "agent", outside: without });
});

const issuer = (spec: Issuer["spec"]): Issuer => ({ apiVersion: "cert-manager.io/v1", kind: "ClusterIssuer", ...(spec ? { spec } : {}) });
const solvedBy = (...solvers: object[]) => issuer({ acme: { solvers } });

test.each([
  [true, issuer({ ca: { secretName: "ca" } })],
  [true, issuer({ vault: {} })],
  [false, solvedBy({ http01: {} })],
  [true, solvedBy({ http01: {} }, { dns01: {} })],
  [true, solvedBy({ dns01: {}, selector: { dnsZones: ["example.com"] } })],
  [true, solvedBy({ dns01: {}, selector: { dnsNames: ["*.apps.example.com"] } })],
  [false, solvedBy({ dns01: {}, selector: { dnsZones: ["ample.com", "example.org"] } })],
  [false, solvedBy({ dns01: {}, selector: { dnsNames: ["apps.example.com"] } })],
  [false, solvedBy({ dns01: {}, selector: { matchLabels: { team: "a" } } })],
])("%p: whether %j can issue for *.apps.example.com", (can, found) => {
  expect(issuesWildcard(found, "apps.example.com")).toBe(can);
  expect(certificatePlan({ domain, issuer: existing }, { certManager: true, existing: found }).outside).toEqual({
    by: "issuer",
    issuer: existing.issuer,
    wildcard: can,
  });
});

test("the Issuers that davit makes are the CA's, and the one that was chosen", () => {
  const made = (choice: IssuerChoice | undefined, certManager = true) => {
    const options = { domain, ingressClass: "web", ...(choice ? { issuer: choice } : {}) };
    return issuers(options, certificatePlan(options, { certManager }));
  };
  expect(made(undefined, false)).toEqual([]);
  expect(made({ kind: "selfsigned" }, false)).toEqual([]);
  expect(made(existing).map(({ metadata }) => metadata?.name)).toEqual(["davit-ca"]);
  expect(made({ kind: "selfsigned" }).map(({ spec }) => spec)).toEqual([{ ca: { secretName: "davit-ca" } }, { selfSigned: {} }]);
  expect(made(acme)[1]?.spec?.acme).toEqual({
    server: "https://acme.test/dir",
    caBundle: "UEVN",
    privateKeySecretRef: { name: "davit-acme-account" },
    solvers: [{ http01: { ingress: { ingressClassName: "web" } } }],
  } as object);
});

test("an issuer is ready when cert-manager has said so of what it is now", () => {
  const said = (status: string, observedGeneration: number): Issuer => ({
    metadata: { generation: 2 },
    status: { conditions: [{ type: "Ready", status, message: "the server refused", observedGeneration }] },
  });
  expect(unready(said("True", 2))).toBeUndefined();
  expect(unready(said("True", 1))).toContain("not looked at it yet");
  expect(unready(said("False", 2))).toBe("the server refused");
  expect(unready(undefined)).toBe("there is none");
});
