import { expect, test } from "bun:test";
import type { V1Service } from "#shared/kube/objects";
import { certsDirsOf, type NodeFacts } from "./certs-dirs.ts";
import { domainFor } from "./domain.ts";
import { agentUrl, type InstallFlags, PUBLISHED_IMAGES, resolveOptions } from "./options.ts";

const none: InstallFlags = { images: {}, mirrors: [], certsDirs: [], podCidrs: [] };

test("a flag wins over what is installed, that over the default; images come with the version", () => {
  const installed = {
    domain: "old.example.com",
    storageClass: "slow",
    mirrors: ["docker.io=http://old"],
    certsDirs: ["/old"],
    podCidrs: ["10.1.0.0/16"],
  };
  expect(resolveOptions(none, installed)).toEqual({
    ...installed,
    ingressClass: "",
    keepRevisions: 10,
    nodeTrust: "daemonset",
    images: PUBLISHED_IMAGES,
  });
  const flags = { ...none, domain: "new.example.com", storageClass: "fast", images: { s3: "mine" }, certsDirs: ["/new/"] };
  expect(resolveOptions(flags, { ...installed, keepRevisions: 3, nodeTrust: "manual" })).toEqual({
    domain: "new.example.com",
    ingressClass: "",
    storageClass: "fast",
    images: { ...PUBLISHED_IMAGES, s3: "mine" },
    keepRevisions: 3,
    nodeTrust: "manual",
    mirrors: ["docker.io=http://old"],
    certsDirs: ["/new"],
    podCidrs: ["10.1.0.0/16"],
  });
});

test.each([
  [{ domain: "http://x" }, "--domain"],
  [{ domain: "UPPER.example.com" }, "--domain"],
  [{ domain: "-x.example.com" }, "--domain"],
  [{ mirrors: ["docker.io"] }, "--registry-mirror"],
  [{ mirrors: ["docker.io=mirror:5000"] }, "--registry-mirror"],
  [{ certsDirs: ["relative"] }, "--certs-dir"],
  [{ podCidrs: ["10.0.0.0"] }, "--pod-cidr"],
  [{ podCidrs: ["10.0.0.0/33"] }, "--pod-cidr"],
  [{ podCidrs: ["fd00::/129"] }, "--pod-cidr"],
  [{ podCidrs: ["0.0.0.0/0"] }, "--pod-cidr"],
  [{ podCidrs: ["pods/16"] }, "--pod-cidr"],
  [{ nodeTrust: "never" }, "--node-trust"],
  [{ nodeTrust: "insecure-nodeport", registry: { place: "registry.test" } }, "--node-trust"],
  [{ nodeTrust: "public", registry: { place: "registry.test" } }, "--node-trust"],
  [{ nodeTrust: "public", gateway: "edge/public" }, "--node-trust"],
])("%j is refused, naming the flag", (flags, name) => {
  expect(() => resolveOptions({ ...none, ...flags }, {})).toThrow(expect.objectContaining({ code: "usage", message: expect.stringContaining(name) }));
});

test("a domain's port is for apps, not for the agent", () => {
  expect(agentUrl("apps.localhost:8080")).toBe("https://davit.apps.localhost:8080");
});

const node = (kubeletVersion: string, containerRuntimeVersion = "containerd://2.1.4"): NodeFacts => ({
  metadata: { name: kubeletVersion },
  status: { nodeInfo: { kubeletVersion, containerRuntimeVersion, operatingSystem: "linux" } },
});

test.each([
  [["v1.37.2"], ["/etc/containerd/certs.d"]],
  [["v1.33.4+k3s1", "v1.33.4+k3s1"], ["/var/lib/rancher/k3s/agent/etc/containerd/certs.d"]],
  [
    ["v1.33.4+rke2r1", "v1.33.4"],
    ["/etc/containerd/certs.d", "/var/lib/rancher/rke2/agent/etc/containerd/certs.d"],
  ],
])("nodes %j look in %j", (versions, folders) => {
  expect(
    certsDirsOf(
      versions.map((version) => node(version)),
      [],
    ),
  ).toEqual({ folders, problems: [] });
});

test("folders that are said are taken as they are; other runtimes are a problem only without", () => {
  const crio = [node("v1.34.0", "cri-o://1.34.0")];
  expect(certsDirsOf(crio, ["/x"])).toEqual({ folders: ["/x"], problems: [] });
  expect(certsDirsOf(crio, []).problems[0]?.problem).toContain("v1.34.0 (cri-o://1.34.0)");
});

test("a domain is suggested from the load balancer that serves the web", () => {
  const service = (port: number, ip: string): V1Service => ({
    spec: { type: "LoadBalancer", ports: [{ port }] },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
  expect(domainFor([service(5432, "203.0.113.1"), service(80, "203.0.113.7")])).toBe("203.0.113.7.sslip.io");
  expect(domainFor([service(80, "2001:db8::7")])).toBe("2001-db8--7.sslip.io");
  expect(domainFor([{ spec: { type: "ClusterIP", ports: [{ port: 80 }] } }])).toBeUndefined();
});
