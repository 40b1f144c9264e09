import { expect, test } from "bun:test";
import type { HttpRoute } from "#shared/gateway";
import type { KubeObject, V1DaemonSet, V1Deployment, V1Ingress, V1NetworkPolicy, V1PersistentVolumeClaim, V1PodSpec } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { nameOf } from "./apply.ts";
import { allManifests } from "./manifests.ts";
import { type InstallOptions, PUBLISHED_IMAGES } from "./options.ts";
import { type Facts, firstTenant, foundation, workloads } from "./plan.ts";

const options: InstallOptions = {
  domain: "apps.example.com:8080",
  ingressClass: "",
  storageClass: "",
  images: { agent: "r/davit:1", s3: "r/s3:1", registry: "r/registry:1", kaniko: "r/kaniko:1" },
  keepRevisions: 10,
  mirrors: ["docker.io=http://mirror:5000", "quay.io=http://mirror:5001"],
  certsDirs: [],
  podCidrs: [],
  nodeTrust: "daemonset",
};
const behindGateway = { ...options, gateway: { namespace: "edge", name: "public" } };
const facts: Facts = {
  addresses: { builtIn: "10.96.0.7", external: "" },
  registryForNodes: "",
  certsDirs: ["/etc/containerd/certs.d"],
  certificates: { inside: "cert-manager", outside: { by: "davit-ca" } },
  routesLeft: false,
  startedWith: { agent: "a", s3: "b", registry: "c", "node-trust": "d" },
};
const find = <T extends KubeObject>(objects: KubeObject[], name: string): T => {
  const found = objects.find((object) => nameOf(object) === name);
  if (!found) throw new Error(`no ${name}`);
  return found as T;
};
const podOf = (object: KubeObject) => (object as V1Deployment).spec?.template;
const isWorkload = (object: KubeObject) => object.kind === "Deployment" || object.kind === "DaemonSet";
const planned = [...foundation(options, [], facts.certificates), ...workloads(options, facts), ...firstTenant()];
const pods: [string, V1PodSpec][] = planned.filter(isWorkload).map((object) => [nameOf(object), podOf(object)?.spec as V1PodSpec]);

test("everything in manifests/ is applied, once, in an order in which each thing finds what it needs", () => {
  const otherWays = (["insecure-nodeport", "public"] as const).map((nodeTrust) => ({ ...options, nodeTrust }));
  const others = [...otherWays, behindGateway].flatMap((other) => [...foundation(other, [], facts.certificates), ...workloads(other, facts)]);
  const all = [...planned, ...others].map(nameOf);
  expect([...new Set(all)].sort()).toEqual([...allManifests().map(nameOf), "ConfigMap davit/davit-install"].sort());
  expect(new Set(planned.map(nameOf)).size).toBe(planned.length);
  const order = planned.map((object) => object.kind ?? "");
  const last = (kind: string) => order.lastIndexOf(kind);
  expect(last("CustomResourceDefinition")).toBeLessThan(order.indexOf("Deployment"));
  expect(last("ClusterRole")).toBeLessThan(order.indexOf("Deployment"));
  expect(last("Service")).toBeLessThan(order.indexOf("Deployment"));
  expect(order.indexOf("Namespace")).toBe(0);
  for (const { apiVersion = "", kind = "" } of planned) expect(pathOf({ apiVersion, kind })).toBeString();
});

test("where nodes pull by an ingress, it leads to the registry's second port under a host of its own", () => {
  const objects = workloads({ ...options, nodeTrust: "public", ingressClass: "edge" }, { ...facts, registryForNodes: "registry.apps.example.com" });
  expect(find<V1Ingress>(objects, "Ingress davit/davit-registry").spec).toMatchObject({
    ingressClassName: "edge",
    tls: [{ hosts: ["registry.apps.example.com"], secretName: "davit-registry-public-tls" }],
    rules: [{ host: "registry.apps.example.com" }],
  });
  const gate = podOf(find(objects, "Deployment davit/registry"))?.spec?.containers.find(({ name }) => name === "gate");
  expect(gate?.env).toContainEqual({ name: "DAVIT_GATE_PULLS_PORT", value: "5001" });
  expect(objects.map(nameOf)).not.toContain("DaemonSet davit-node/davit-node-trust");
});

test("with a Gateway a route leads to the agent in its Ingress's place, and only then are there rights over routes", () => {
  const objects = [...foundation(behindGateway, [], facts.certificates), ...workloads(behindGateway, facts)];
  expect(find<HttpRoute>(objects, "HTTPRoute davit/davit-agent").spec).toMatchObject({
    parentRefs: [behindGateway.gateway],
    hostnames: ["davit.apps.example.com"],
  });
  expect(find(objects, "ReferenceGrant davit/davit-gateway")).toMatchObject({ spec: { from: [{ kind: "Gateway", namespace: "edge" }] } });
  expect(objects.map(nameOf)).not.toContain("Ingress davit/davit-agent");
  const rights = (of: KubeObject[]) => JSON.stringify(find(of, "ClusterRole davit-tenant")).includes("httproutes");
  expect([rights(objects), rights(planned), rights(foundation(options, [], facts.certificates, true))]).toEqual([true, false, true]);
  const env = podOf(find(objects, "Deployment davit/davit-agent"))?.spec?.containers[0]?.env;
  expect(env).toContainEqual({ name: "DAVIT_GATEWAY", value: "edge/public" });
});

test("every object and every Pod is labelled as davit's", () => {
  for (const object of planned)
    expect(object.metadata?.labels).toMatchObject({ "app.kubernetes.io/name": "davit", "app.kubernetes.io/managed-by": "davit" });
  for (const object of planned.filter(isWorkload)) {
    const labels = podOf(object)?.metadata?.labels ?? {};
    expect(Object.keys(labels).sort()).toEqual(["component", "managed-by", "name", "version"].map((key) => `app.kubernetes.io/${key}`));
    expect(labels).toMatchObject((object as V1Deployment).spec?.selector.matchLabels ?? { none: "" });
  }
});

test.each(pods)("%s is confined", (name, pod) => {
  const onNode = name.startsWith("DaemonSet");
  expect(pod.securityContext?.seccompProfile).toEqual({ type: "RuntimeDefault" });
  expect(pod.securityContext?.runAsUser).toBe(onNode ? undefined : 65532);
  expect(pod.automountServiceAccountToken).toBe(name === "Deployment davit/davit-agent");
  expect(pod.hostNetwork ?? pod.hostPID ?? false).toBe(false);
  for (const container of pod.containers) {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.resources?.requests).toContainKeys(["cpu", "memory"]);
    expect(container.resources?.limits).toContainKeys(["memory"]);
  }
  const hostPaths = (pod.volumes ?? []).flatMap((volume) => volume.hostPath?.path ?? []);
  expect(hostPaths).toEqual(onNode ? ["/etc/containerd/certs.d"] : []);
  const mounted = pod.containers.flatMap((container) => container.volumeMounts ?? []).map((mount) => mount.name);
  expect((pod.volumes ?? []).map((volume) => volume.name).sort()).toEqual([...new Set(mounted)].sort());
});

test("options arrive where they are meant", () => {
  const objects = workloads({ ...options, ingressClass: "nginx", storageClass: "fast" }, facts);
  const env = Object.fromEntries(
    podOf(find(objects, "Deployment davit/davit-agent"))?.spec?.containers[0]?.env?.map((entry) => [entry.name, entry.value]) ?? [],
  );
  expect(env).toMatchObject({
    DAVIT_DOMAIN: "apps.example.com:8080",
    DAVIT_INGRESS_CLASS: "nginx",
    DAVIT_STORAGE_CLASS: "fast",
    DAVIT_AGENT_IMAGE: "r/davit:1",
    DAVIT_KANIKO_IMAGE: "r/kaniko:1",
    DAVIT_REGISTRY_MIRRORS: "docker.io=http://mirror:5000,quay.io=http://mirror:5001",
  });
  const ingress = find<V1Ingress>(objects, "Ingress davit/davit-agent").spec;
  expect([ingress?.rules?.[0]?.host, ingress?.tls?.[0]?.hosts, ingress?.ingressClassName]).toEqual([
    "davit.apps.example.com",
    ["davit.apps.example.com"],
    "nginx",
  ]);
  for (const name of ["s3-data", "registry-data"]) {
    expect(find<V1PersistentVolumeClaim>(objects, `PersistentVolumeClaim davit/${name}`).spec?.storageClassName).toBe("fast");
  }
  const trust = find<V1DaemonSet>(objects, "DaemonSet davit-node/davit-node-trust").spec?.template.spec?.containers[0];
  expect([trust?.image, trust?.env?.slice(1)]).toEqual([
    "r/davit:1",
    [
      { name: "DAVIT_REGISTRY_ADDRESS", value: "10.96.0.7" },
      { name: "DAVIT_REGISTRY_PLAIN_HTTP", value: "false" },
      { name: "DAVIT_FORMER_REGISTRY", value: "" },
      { name: "DAVIT_FORMER_ADDRESS", value: "" },
      { name: "DAVIT_FORMER_PLAIN_HTTP", value: "false" },
      { name: "DAVIT_CERTS_DIRS", value: "/etc/containerd/certs.d" },
    ],
  ]);
});

test("classes that were not said are left to the cluster", () => {
  const objects = workloads(options, facts);
  expect(find<V1Ingress>(objects, "Ingress davit/davit-agent").spec).not.toHaveProperty("ingressClassName");
  expect(find<V1PersistentVolumeClaim>(objects, "PersistentVolumeClaim davit/s3-data").spec).not.toHaveProperty("storageClassName");
});

test("the same options give the same objects; what a Pod reads at its start restarts that Pod only", () => {
  expect(workloads(options, facts)).toEqual(workloads(options, facts));
  const changed = workloads(options, { ...facts, startedWith: { ...facts.startedWith, s3: "other" } });
  const different = workloads(options, facts).filter((object, index) => !Bun.deepEquals(object, changed[index]));
  expect(different.map(nameOf)).toEqual(["Deployment davit/s3"]);
});

test("builds may go to DNS, S3, the registry and the internet, fetches to DNS, the agent and the internet, and nothing may come in", () => {
  const of = (name: string) => find<V1NetworkPolicy>(planned, `NetworkPolicy davit-staging/${name}`).spec;
  // Each Pod there is one or the other.
  expect(of("davit-staging")?.podSelector).toEqual({
    matchExpressions: [{ key: "app.kubernetes.io/component", operator: "NotIn", values: ["fetch"] }],
  });
  expect(of("davit-fetch")?.podSelector).toEqual({ matchLabels: { "app.kubernetes.io/component": "fetch" } });
  for (const [name, ports] of [
    ["davit-staging", [53, 53, 7070, 5000, "internet"]],
    ["davit-fetch", [53, 53, "https", "internet"]],
  ] as const) {
    expect([of(name)?.policyTypes, of(name)?.ingress]).toEqual([["Ingress", "Egress"], undefined]);
    expect(of(name)?.egress?.flatMap((rule) => rule.ports?.map((port) => port.port) ?? "internet")).toEqual([...ports]);
  }
});

test("published images are of fixed versions", () => {
  for (const image of Object.values(PUBLISHED_IMAGES)) expect(image).toMatch(/^ghcr\.io\/davit-dev\/[a-z]+:(?!latest)[\w.-]+$/);
});
