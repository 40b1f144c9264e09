import { expect, test } from "bun:test";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { authorityProblem, certificateProblem } from "./given-pair.ts";

const authority = await newAuthority();
const leafFor = async (...names: string[]) => {
  const { certificate, key } = await newLeaf(authority, { names });
  return { "tls.crt": certificate, "tls.key": key.reveal() };
};
const wildcard = await leafFor("*.apps.example.com");
const ca = { "tls.crt": authority.certificate, "tls.key": authority.key.reveal() };
const days = (count: number) => new Date(Date.now() + count * 86_400_000);

test("a certificate for the agent and every app, with its key, is taken, and the CA's after it does no harm", () => {
  expect(certificateProblem(wildcard, "apps.example.com")).toBeUndefined();
  expect(certificateProblem({ ...wildcard, "tls.crt": wildcard["tls.crt"] + authority.certificate }, "apps.example.com")).toBeUndefined();
});

test("why a certificate is not taken is said", async () => {
  expect(certificateProblem(wildcard, "example.com")).toContain("is not for davit.example.com and *.example.com, but for DNS:*.apps.example.com");
  expect(certificateProblem(await leafFor("davit.example.com"), "example.com")).toContain("is not for *.example.com");
  expect(certificateProblem({ ...wildcard, "tls.key": ca["tls.key"] }, "apps.example.com")).toContain("does not fit its key");
  expect(certificateProblem({ ...wildcard, "tls.crt": authority.certificate + wildcard["tls.crt"] }, "apps.example.com")).toContain(
    "first of its file",
  );
  expect(certificateProblem({ ...wildcard, "tls.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n" }, "apps.example.com")).toContain("cannot be read");
  expect(certificateProblem({ ...wildcard, "tls.crt": "nothing" }, "apps.example.com")).toContain("cannot be read");
  expect(certificateProblem(wildcard, "apps.example.com", days(4000))).toContain("ended on");
  expect(certificateProblem(wildcard, "apps.example.com", days(-2))).toContain("begins on");
});

test("a CA has to be a root with a key that signs", () => {
  expect(authorityProblem(ca)).toBeUndefined();
  expect(authorityProblem(wildcard)).toContain("is no CA");
  expect(authorityProblem({ ...ca, "tls.key": wildcard["tls.key"] })).toContain("does not fit its key");
});
