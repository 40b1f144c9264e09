import { expect, test } from "bun:test";
import { CA_ISSUER, type CertificatePlan, SELF_ISSUER } from "#shared/certificates";
import { type Installation, wantedFor, wantedOwn } from "./wanted.ts";

const installation = (plan: CertificatePlan, builtIn = { s3: true, registry: true }, publicRegistry = false): Installation => ({
  plan,
  domain: "apps.test",
  registryAddress: "10.0.0.7",
  builtIn,
  publicRegistry,
});
const ownCa = installation({ inside: "agent", outside: { by: "davit-ca" } });
const byCertManager = installation({ inside: "cert-manager", outside: { by: "davit-ca" } });
const letsEncrypt = { kind: "ClusterIssuer", name: "letsencrypt" } as const;
const byIssuer = (wildcard: boolean) => installation({ inside: "agent", outside: { by: "issuer", issuer: letsEncrypt, wildcard } });
const given = installation({ inside: "agent", outside: { by: "given" } });

const makers = (of: Installation) =>
  Object.fromEntries(wantedOwn(of).map(({ secret, maker }) => [secret, "issuer" in maker ? maker.issuer.name : maker.by]));

test("davit's own certificates are signed by its CA, but for what people see", () => {
  const inside = { "davit-agent-internal-tls": "agent", "davit-s3-tls": "agent", "davit-registry-tls": "agent" };
  expect(makers(ownCa)).toEqual({ ...inside, "davit-agent-tls": "agent", "davit-wildcard-tls": "agent" });
  expect(makers(byIssuer(true))).toEqual({ ...inside, "davit-agent-tls": "letsencrypt", "davit-wildcard-tls": "letsencrypt" });
  expect(makers(byIssuer(false))).toEqual({ ...inside, "davit-agent-tls": "letsencrypt" });
  expect(makers(given)).toEqual({ ...inside, "davit-agent-tls": "given", "davit-wildcard-tls": "given" });
  expect(new Set(Object.values(makers(byCertManager)))).toEqual(new Set(["davit-ca"]));
});

test("the registry's is for its address too, and what is not built in has none", () => {
  const names = (of: Installation) => Object.fromEntries(wantedOwn(of).map((wanted) => [wanted.secret, wanted.names]));
  expect(names(ownCa)["davit-registry-tls"]).toContainValues(["registry.davit.svc.cluster.local", "10.0.0.7"]);
  expect(Object.keys(names(installation(ownCa.plan, { s3: false, registry: false })))).toEqual([
    "davit-agent-tls",
    "davit-agent-internal-tls",
    "davit-wildcard-tls",
  ]);
});

test("where nodes pull by an ingress, who vouches for what people see vouches for the registry there, unless nobody does", () => {
  const ofRegistry = (plan: CertificatePlan) =>
    wantedOwn(installation(plan, undefined, true)).find(({ secret }) => secret === "davit-registry-public-tls");
  const wanted = { names: ["registry.apps.test"], maker: { by: "cert-manager", issuer: letsEncrypt } };
  expect(ofRegistry(byIssuer(false).plan)).toMatchObject(wanted);
  expect(ofRegistry({ inside: "agent", outside: { by: "self" } })?.maker).toEqual({ by: "agent" });
  const selfSigned = { by: "issuer" as const, issuer: { kind: "Issuer" as const, name: SELF_ISSUER }, wildcard: true };
  const { maker } = ofRegistry({ inside: "cert-manager", outside: selfSigned }) ?? {};
  expect(maker).toEqual({ by: "cert-manager", issuer: { kind: "Issuer", name: CA_ISSUER } });
});

test("hosts one label below the domain share a certificate where there can be one, others have their own", () => {
  const secret = (host: string, of: Installation) => wantedFor(host, of, [])?.secret;
  expect(secret("shop.apps.test", ownCa)).toBe("davit-wildcard-tls");
  expect(secret("a.shop.apps.test", ownCa)).toBe("tls-a.shop.apps.test");
  expect(secret("shop.example.com", ownCa)).toBe("tls-shop.example.com");
  expect(secret("apps.test", ownCa)).toBe("tls-apps.test");
  expect(wantedFor("shop.apps.test", byIssuer(false), [])).toEqual({
    secret: "tls-shop.apps.test",
    names: ["shop.apps.test"],
    maker: { by: "cert-manager", issuer: letsEncrypt },
  });
});

test("a certificate that was given is for the hosts that it names, and for no other", () => {
  const names = ["*.apps.test", "shop.example.com"];
  expect(wantedFor("shop.apps.test", given, names)?.secret).toBe("davit-wildcard-tls");
  expect(wantedFor("shop.example.com", given, names)?.secret).toBe("davit-wildcard-tls");
  expect(wantedFor("blog.example.com", given, names)).toBeUndefined();
});
