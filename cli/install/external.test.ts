import { expect, test } from "bun:test";
import type { CertificatePlan } from "#shared/certificates";
import { nameOf } from "./apply.ts";
import { componentsOf } from "./components.ts";
import { type ExternalRegistry, type ExternalS3, resolveRegistry, resolveS3 } from "./external.ts";
import { resolveOptions } from "./options.ts";
import { checkStays, clearWarnings } from "./places.ts";
import { foundation, workloads } from "./plan.ts";

const s3: ExternalS3 = {
  endpoint: "https://s3.test:9000",
  bucket: "davit",
  region: "us-east-1",
  pathStyle: false,
  ca: "",
  secret: "davit-s3-external",
};
const registry: ExternalRegistry = { host: "registry.test", prefix: "team/davit", plainHttp: false, ca: "", secret: "login" };
const usage = (flag: string) => expect.objectContaining({ code: "usage", message: expect.stringContaining(flag) });

test("an S3 store needs an endpoint, a bucket and a key; what is said wins over what is installed", () => {
  expect(resolveS3({}, undefined)).toBeUndefined();
  expect(resolveS3({}, s3)).toEqual(s3);
  expect(resolveS3({ endpoint: "https://s3.test:9000/", bucket: "davit", secret: "davit-s3-external" }, undefined)).toEqual(s3);
  expect(resolveS3({ region: "eu-central-1", pathStyle: true }, s3)).toEqual({ ...s3, region: "eu-central-1", pathStyle: true });
  expect(() => resolveS3({ bucket: "davit" }, undefined)).toThrow(usage("--s3-endpoint"));
  expect(() => resolveS3({ endpoint: "https://s3.test" }, undefined)).toThrow(usage("--s3-bucket"));
  expect(() => resolveS3({ endpoint: "https://s3.test", bucket: "davit" }, undefined)).toThrow(usage("--s3-access-key-stdin"));
});

test.each([
  ["registry.test/team/davit", registry],
  ["https://registry.test/team/davit/", registry],
  ["http://registry.test:5000", { ...registry, host: "registry.test:5000", prefix: "", plainHttp: true }],
])("%s is a registry; it is in clear only when it is written so", (place, expected) => {
  expect(resolveRegistry({ place, secret: "login" }, undefined)).toEqual(expected);
});

test("a registry's flags are worth nothing without one", () => {
  expect(resolveRegistry({ ca: "PEM" }, registry)).toEqual({ ...registry, ca: "PEM" });
  expect(() => resolveRegistry({ ca: "PEM" }, undefined)).toThrow(usage("--registry"));
});

test("another place is not taken by install, but other settings of the same one are", () => {
  expect(componentsOf({ nodeTrust: "manual" })).toEqual(["s3", "registry", "agent"]);

  const options = resolveOptions({ images: {}, mirrors: [], certsDirs: [], podCidrs: [] }, { s3, registry });
  expect(() =>
    checkStays({ s3, registry }, { ...options, s3: { ...s3, region: "x", secret: "other" }, registry: { ...registry, ca: "PEM" } }),
  ).not.toThrow();
  for (const [part, installed, wanted] of [
    ["s3", { registry }, options],
    ["s3", { s3, registry }, { ...options, s3: { ...s3, bucket: "other" } }],
    ["registry", { s3 }, options],
    ["registry", { s3, registry }, { ...options, registry: { ...registry, prefix: "" } }],
  ] as const)
    expect(() => checkStays(installed, wanted)).toThrow(
      expect.objectContaining({ code: "preflight_failed", details: { next: expect.stringContaining(`davit migrate ${part}`) } }),
    );
});

test("nothing built-in runs where an external place is, and nodes are told of it only if they do not trust it anyway", () => {
  expect(componentsOf({})).toEqual(["s3", "registry", "node-trust", "agent"]);
  expect(componentsOf({ s3 })).toEqual(["registry", "node-trust", "agent"]);
  expect(componentsOf({ s3, registry })).toEqual(["agent"]);
  expect(componentsOf({ registry: { ...registry, ca: "PEM" } })).toEqual(["s3", "node-trust", "agent"]);
  expect(componentsOf({ registry: { ...registry, plainHttp: true } })).toContain("node-trust");

  const options = resolveOptions({ images: {}, mirrors: [], certsDirs: [], podCidrs: [] }, { s3, registry });
  const certificates: CertificatePlan = { inside: "agent", outside: { by: "davit-ca" } };
  const facts = {
    addresses: { builtIn: "", external: "registry.test" },
    registryForNodes: "",
    certsDirs: [],
    certificates,
    routesLeft: false,
    startedWith: { agent: "", s3: "", registry: "", "node-trust": "" },
  };
  const names = [...foundation(options, [], certificates), ...workloads(options, facts)].map(nameOf);
  for (const name of [
    "Deployment davit/s3",
    "Service davit/s3",
    "PersistentVolumeClaim davit/s3-data",
    "Deployment davit/registry",
    "Service davit/registry",
  ])
    expect(names).not.toContain(name);
});

test("a way that is not encrypted is warned of", () => {
  const options = resolveOptions({ images: {}, mirrors: [], certsDirs: [], podCidrs: [] }, { s3, registry });
  expect(clearWarnings(options)).toEqual([]);
  const clear = { ...options, s3: { ...s3, endpoint: "http://s3.test" }, registry: { ...registry, plainHttp: true } };
  expect(clearWarnings(clear)).toEqual([
    expect.stringContaining("http://s3.test is not encrypted"),
    expect.stringContaining("registry.test is not encrypted"),
  ]);
});
