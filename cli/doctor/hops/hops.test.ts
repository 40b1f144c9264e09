import { expect, test } from "bun:test";
import { certificatesIn } from "#shared/tls/certificate";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { agentVerdict } from "./agent.ts";
import { wayVerdict } from "./inside.ts";
import { pullVerdict } from "./nodes.ts";

const door = { url: new URL("https://davit.apps.test"), by: "the installation" as const };
const leaf = await newLeaf(await newAuthority(), { names: ["davit.apps.test"] });
const shown = { chain: certificatesIn(leaf.certificate), address: "203.0.113.7" };

test("the agent's door tells who answered with what certificate, and what is wrong with it", () => {
  expect(agentVerdict(door, { shown, status: 200 })).toMatchObject({
    severity: "ok",
    peer: "davit.apps.test (203.0.113.7)",
    issuer: expect.stringContaining("davit CA"),
    notAfter: expect.any(String),
  });
  const says = (problem: string) => agentVerdict(door, { shown: { ...shown, problem } }).what;
  expect(says("CERT_HAS_EXPIRED")).toStartWith("its certificate ended at");
  expect(says("DEPTH_ZERO_SELF_SIGNED_CERT")).toContain("a CA that the installation does not trust");
  expect(says("ERR_TLS_CERT_ALTNAME_INVALID")).toContain("not for davit.apps.test");
  expect(agentVerdict(door, { shown, status: 404 }).what).toContain("no Ingress leads");
  expect(agentVerdict(door, { shown, status: 503 }).what).toContain("status 503");
  expect(agentVerdict(door, { shown: new Error("ECONNREFUSED") }).fix).toContain("davit doctor --only dns");
});

test("a way's end that is davit's own is mended otherwise than somebody's own", () => {
  const clock = { here: 0 };
  const report = { peer: { address: "10.96.0.7", issuer: "CN=other", notAfter: "2999-01-01T00:00:00.000Z" }, clock };
  const untrusted = { ...report, problem: { reason: "certificate" as const, detail: "unable to verify" } };
  const end = { place: "s3" as const, name: "https://s3.test", builtIn: true };
  expect(wayVerdict(end, report, "done")).toEqual({
    severity: "ok",
    what: "done",
    peer: "https://s3.test (10.96.0.7)",
    issuer: "CN=other",
    notAfter: "2999-01-01T00:00:00.000Z",
  });
  expect(wayVerdict(end, untrusted, "done")).toMatchObject({ severity: "problem", fix: expect.stringContaining("Secret davit/davit-s3-tls") });
  expect(wayVerdict({ ...end, builtIn: false }, untrusted, "done").fix).toContain("--s3-ca FILE");
  const ended = { ...untrusted, peer: { ...report.peer, notAfter: "2000-01-01T00:00:00.000Z" } };
  expect(wayVerdict(end, ended, "done").what).toBe("its certificate ended at 2000-01-01T00:00:00.000Z");
});

test.each([
  ["tls: failed to verify certificate: x509: certificate signed by unknown authority", "does not trust", "--print-trust"],
  ["tls: failed to verify certificate: x509: certificate has expired or is not yet valid", "has ended", "davit install"],
  ["dial tcp: lookup registry.davit.svc.cluster.local on 10.0.0.2:53: no such host", "does not know where", "/etc/hosts.toml"],
  ["failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", "refuses", "-c gate"],
  ["dial tcp 10.96.0.7:5000: connect: connection refused", "does not reach", "kube-proxy"],
  ["something new", "the pull failed (something new)", "kubectl describe node a"],
])("kubelet's %s", (complaint, what, fix) => {
  expect(pullVerdict("a", complaint, { files: ["/etc/hosts.toml"], byDaemonSet: true })).toMatchObject({
    severity: "problem",
    node: "a",
    what: expect.stringContaining(what),
    fix: expect.stringContaining(fix),
  });
});

test("where an admin keeps the nodes' files, no DaemonSet is said to", () => {
  const fixes = [true, false].map((byDaemonSet) => pullVerdict("a", "x509: unknown authority", { files: ["/etc/hosts.toml"], byDaemonSet }).fix);
  expect(fixes).toEqual([expect.stringContaining("the DaemonSet"), expect.stringMatching(/^on a, [^;]*prints$/)]);
});
