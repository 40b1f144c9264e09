import { describe, expect, test } from "bun:test";
import { certificatesIn } from "#shared/tls/certificate";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { certificateVerdict } from "./certificates.ts";
import { clockVerdict, nodeSkew } from "./clocks.ts";
import { versionVerdict } from "./components.ts";
import { diskVerdict, roomOf } from "./disk.ts";
import { dnsVerdict } from "./dns.ts";
import { kindVerdict, networkVerdict, podSecurityVerdict, rightsVerdict } from "./drift.ts";
import { issuerVerdict } from "./issuers.ts";

const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);

test("a certificate is fine until a quarter of its life is left, a warning then, and a problem when it has ended", async () => {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["a.test"] });
  const [begin = 0, end = 0] = certificatesIn(leaf.certificate).flatMap(({ validFrom, validTo }) => [Date.parse(validFrom), Date.parse(validTo)]);
  const left = (fraction: number) => certificateVerdict("davit-s3-tls", leaf.certificate, new Date(end - fraction * (end - begin)));
  expect([0.9, 0.3, 0.2, -0.1].map((fraction) => left(fraction).severity)).toEqual(["ok", "ok", "warning", "problem"]);
  expect(left(-0.1)).toMatchObject({ what: expect.stringContaining("davit-s3-tls ended at"), issuer: expect.stringContaining("davit CA") });
  expect(certificateVerdict("davit-ca", authority.certificate, days(3600))).toMatchObject({
    severity: "warning",
    fix: expect.stringContaining("davit rotate ca"),
  });
  expect(certificateVerdict("davit-ca", authority.certificate, days(-2))).toMatchObject({ severity: "problem", fix: "set the clocks" });
  expect(certificateVerdict("davit-s3-tls", "", days(0))).toMatchObject({
    severity: "problem",
    fix: expect.stringContaining("delete secret davit-s3-tls"),
  });
});

describe("clocks", () => {
  const verdict = (...ms: number[]) => clockVerdict(ms.map((skew) => ({ whose: "node a", ms: skew })));

  test("small differences are none, larger ones a warning, and minutes a problem", () => {
    expect(verdict(2000, -29_000)).toMatchObject([{ severity: "ok" }]);
    expect(verdict(31_000)).toMatchObject([{ severity: "warning", what: "the clock of node a is 31 s ahead" }]);
    expect(verdict(-301_000, 0)).toMatchObject([{ severity: "problem", what: "the clock of node a is 301 s behind" }]);
  });

  test("a lease from the future is of a clock ahead, one that is just not renewed yet of a right one", () => {
    const now = Date.parse("2030-01-01T00:00:00Z");
    const at = (seconds: number) => nodeSkew({ metadata: { name: "a" }, spec: { renewTime: new Date(now + seconds * 1000).toISOString() } }, now);
    expect([60, -10, -39, -400].map((seconds) => at(seconds)[0]?.ms)).toEqual([60_000, 0, 0, -360_000]);
    expect(nodeSkew({ metadata: { name: "a" } }, now)).toEqual([]);
  });
});

test("other versions in the cluster are a warning; what is not there has none", () => {
  expect(versionVerdict("1.0.0", [{ name: "agent", version: "1.0.0" }, { name: "s3" }])).toMatchObject({ severity: "ok" });
  expect(versionVerdict("1.0.0", [{ name: "agent", version: "0.9.0" }])).toMatchObject({
    severity: "warning",
    what: "this davit is 1.0.0, installed is agent 0.9.0",
  });
});

test("a volume's room is its own, that of a folder the node's disk's, and little of it is told", () => {
  const summary = {
    node: { fs: { capacityBytes: 100, availableBytes: 5 } },
    pods: [{ volume: [{ pvcRef: { namespace: "davit", name: "s3-data" }, availableBytes: 50 }] }],
  };
  expect(roomOf("s3-data", summary, undefined)).toMatchObject({ availableBytes: 50 });
  expect(roomOf("registry-data", summary, { spec: { hostPath: {} } })).toEqual(summary.node.fs);
  expect(roomOf("registry-data", summary, { spec: {} })).toBeUndefined();
  const left = (percent: number) => diskVerdict("s3-data", { capacityBytes: 100e9, availableBytes: percent * 1e9 });
  expect([50, 9, 1].map((percent) => left(percent).severity)).toEqual(["ok", "warning", "problem"]);
  expect(left(9)).toMatchObject({ what: "s3-data has 9.0 GB of 100 GB left", fix: expect.stringContaining("davit gc") });
  expect(diskVerdict("s3-data", undefined)).toMatchObject({ severity: "ok" });
});

test("a domain has to lead to the ingress, where the cluster tells its address", () => {
  const verdict = (addresses: string[], wanted: string[]) => dnsVerdict("davit.apps.test", addresses, wanted, "apps.test");
  expect(verdict(["1.1.1.1"], ["1.1.1.1"])).toMatchObject({ severity: "ok" });
  expect(verdict(["1.1.1.1"], [])).toMatchObject({ severity: "ok" });
  expect(verdict(["2.2.2.2"], ["1.1.1.1"])).toMatchObject({ severity: "problem", fix: "make a DNS record: davit.apps.test A 1.1.1.1" });
  expect(dnsVerdict("davit-doctor-1.apps.test", [], ["fd00::1"], "apps.test")).toMatchObject({
    what: "a new name below apps.test has no address",
    fix: "make a DNS record: *.apps.test AAAA fd00::1",
  });
});

describe("objects that are another than this davit's", () => {
  const role = (...verbs: string[]) => ({
    kind: "ClusterRole",
    metadata: { name: "davit-agent" },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
  });
  const pair = (wanted: object, present: object | undefined) => ({ wanted, present });

  test("rights that are missing are a problem, more than needed are a warning", () => {
    expect(rightsVerdict(pair(role("get", "list"), role("list", "get")))).toEqual([]);
    expect(rightsVerdict(pair(role("get", "list"), role("get", "delete")))).toMatchObject([
      { severity: "problem", what: "missing rights: ClusterRole davit-agent: list pods" },
      { severity: "warning", what: "more rights than davit needs: ClusterRole davit-agent: delete pods" },
    ]);
    expect(rightsVerdict(pair(role(), undefined))).toMatchObject([{ severity: "problem", what: "ClusterRole davit-agent is not there" }]);
    const binding = (name: string) => ({ kind: "RoleBinding", metadata: { name: "a" }, roleRef: { name }, subjects: [{ name: "davit-agent" }] });
    expect(rightsVerdict(pair(binding("a"), binding("a")))).toEqual([]);
    expect(rightsVerdict(pair(binding("a"), binding("cluster-admin")))).toMatchObject([{ what: "RoleBinding a binds somebody or something else" }]);
  });

  test("an old schema is told by where it differs", () => {
    const kind = (type: string) => ({
      kind: "CustomResourceDefinition",
      metadata: { name: "apps.davit.dev" },
      spec: { versions: [{ schema: { type } }] },
    });
    expect(kindVerdict(pair(kind("object"), kind("object")))).toEqual([]);
    expect(kindVerdict(pair(kind("object"), kind("string")))).toMatchObject([
      { severity: "problem", what: expect.stringContaining("spec.versions[0].schema.type") },
    ]);
  });

  test("a rule of the network that is missing, narrower or wider is told, an exception only when it is missing", () => {
    const policy = (egress: object[], more: object = {}) => ({
      kind: "NetworkPolicy",
      metadata: { name: "davit-s3", namespace: "davit" },
      spec: { podSelector: {}, policyTypes: ["Egress"], egress, ...more },
    });
    const to = (...except: string[]) => ({ to: [{ ipBlock: { cidr: "0.0.0.0/0", except } }] });
    const wanted = policy([{ ports: [{ port: 53 }] }, to("10.1.0.0/24")]);
    const told = (...present: [egress: object[], more?: object]) => networkVerdict(pair(wanted, policy(...present))).map(({ what }) => what);
    const dns = { ports: [{ port: 53, protocol: "TCP" }] };
    expect(told([dns, to("10.1.0.0/24", "10.1.1.0/24")])).toEqual([]);
    expect(told([{}, to("10.1.0.0/24")])).toEqual([expect.stringContaining("davit/davit-s3 is another than this davit's: spec.egress[0].ports")]);
    expect(told([{ ...dns, to: [{ podSelector: {} }] }, to("10.1.0.0/24")])).toEqual([expect.stringContaining("spec.egress[0].to")]);
    expect(told([dns, to("10.1.0.0/24")], { ingress: [{}] })).toEqual([expect.stringContaining("spec.ingress")]);
    expect(told([dns, to("10.1.1.0/24")])).toEqual([expect.stringContaining("does not keep Pods from 10.1.0.0/24")]);
    expect(networkVerdict(pair(wanted, undefined))).toMatchObject([{ severity: "problem", what: "NetworkPolicy davit/davit-s3 is not there" }]);
  });

  test("a namespace under another level is told with the command that puts it right", () => {
    const namespace = (level?: string) => ({ metadata: { name: "davit", labels: level ? { "pod-security.kubernetes.io/enforce": level } : {} } });
    expect(podSecurityVerdict(pair(namespace("restricted"), namespace("restricted")))).toEqual([]);
    expect(podSecurityVerdict(pair(namespace("restricted"), namespace()))).toMatchObject([
      { severity: "problem", fix: "kubectl label --overwrite namespace davit pod-security.kubernetes.io/enforce=restricted" },
    ]);
  });
});

test("an issuer is ready, or cert-manager says why not", () => {
  const issuer = (status: string) => ({ status: { conditions: [{ type: "Ready", status, message: "no such Secret" }] } });
  const ref = { kind: "ClusterIssuer" as const, name: "company" };
  expect(issuerVerdict(ref, issuer("True"))).toMatchObject({ severity: "ok" });
  expect(issuerVerdict(ref, issuer("False"))).toMatchObject({ severity: "problem", what: "ClusterIssuer company is not ready: no such Secret" });
  expect(issuerVerdict(ref, undefined)).toMatchObject({ severity: "problem", what: "ClusterIssuer company is not ready: there is none" });
});
