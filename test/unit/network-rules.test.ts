import { expect, test } from "bun:test";
import { type End, judge, type PodEnd, READINGS } from "#test/network/policy";
import { installedPolicies, podTemplates } from "#test/pod-templates";

/* What manifests/network-policies.yaml says of the Pods that davit makes. What a run really did is audited by test/audit. */

const POD_CIDRS = ["10.1.0.0/16", "fd01::/48"];
const policies = installedPolicies(POD_CIDRS);

let last = 0;
const pod = (namespace: string, labels: Record<string, string>, ports: PodEnd["ports"] = []): PodEnd => ({
  kind: "pod",
  address: `10.1.0.${++last}`,
  namespace,
  namespaceLabels: { "kubernetes.io/metadata.name": namespace },
  labels,
  ports,
});

const davits = podTemplates().map(({ name, namespace, labels, spec }): [string, PodEnd] => {
  const ports = spec.containers.flatMap(({ ports = [] }) => ports);
  return [
    name,
    pod(
      namespace,
      labels,
      ports.map(({ name = "", containerPort }) => ({ name, number: containerPort, protocol: "TCP" })),
    ),
  ];
});

const ends: Record<string, End> = {
  ...Object.fromEntries(davits),
  "another build": pod("davit-staging", { "app.kubernetes.io/component": "staging" }),
  "another app": pod("bank", { "davit.dev/app": "vault" }),
  "somebody's Pod in davit": pod("davit", { app: "debug" }),
  "davit/acme-solver": pod("davit", { "acme.cert-manager.io/http01-solver": "true" }),
  "the ingress controller": pod("ingress", { app: "traefik" }),
  DNS: pod("kube-system", { "k8s-app": "kube-dns" }),
  "a node": { kind: "node", address: "192.168.0.1" },
  "the internet": { kind: "outside", address: "203.0.113.7" },
  "the internet by IPv6": { kind: "outside", address: "2001:db8::7" },
  "a private network": { kind: "outside", address: "10.200.0.7" },
  "the metadata service": { kind: "outside", address: "169.254.169.254" },
  "the metadata service by IPv6": { kind: "outside", address: "fd00:ec2::254" },
};

function verdicts(from: string, to: string, port: number, protocol: "TCP" | "UDP" = "TCP"): boolean[] {
  const [source, destination] = [ends[from], ends[to]];
  if (!source || !destination) throw new Error(`nobody is called ${source ? to : from}`);
  return Object.values(READINGS).map((reading) => judge(policies, { source, destination, protocol, port }, reading).allowed);
}

test.each([
  ["davit/agent", "davit/s3", 7070],
  ["davit/agent", "davit/registry", 5000],
  ["davit/agent", "apps/app", 8080],
  ["davit/agent", "a node", 6443],
  ["davit/agent", "the internet", 443],
  ["davit/errand", "davit/s3", 7070],
  ["davit/errand", "davit/registry", 5000],
  ["davit/errand", "a private network", 9000],
  ["the ingress controller", "davit/agent", 8080],
  ["the ingress controller", "davit/acme-solver", 8089],
  ["a node", "davit/agent", 8080],
  ["a node", "davit/registry", 5000],
  ["davit-staging/build", "davit/s3", 7070],
  ["davit-staging/build", "davit/registry", 5000],
  ["davit-staging/build", "the internet", 443],
  ["davit-staging/build", "the internet by IPv6", 443],
  ["davit-staging/build", "a private network", 4873],
  ["davit-staging/fetch", "davit/agent", 8443],
  ["davit-staging/fetch", "a private network", 443],
  ["the ingress controller", "apps/app", 8080],
])("%s reaches %s at %d", (from, to, port) => {
  expect(verdicts(from, to, port)).toEqual([true, true]);
});

test.each(["davit/agent", "davit-staging/build", "davit-staging/fetch"])("%s resolves names", (from) => {
  expect([...verdicts(from, "DNS", 53, "UDP"), ...verdicts(from, "DNS", 53)]).toEqual([true, true, true, true]);
});

test.each([
  // Builds run strangers' code.
  ["davit-staging/build", "davit/agent", 8080],
  ["davit-staging/build", "davit/agent", 8443],
  ["davit-staging/build", "davit/registry", 5055],
  ["davit-staging/build", "davit/s3", 22],
  ["davit-staging/build", "another build", 8080],
  ["davit-staging/build", "davit-staging/fetch", 8080],
  ["davit-staging/build", "apps/app", 8080],
  ["davit-staging/build", "DNS", 8080],
  ["davit-staging/build", "the ingress controller", 80],
  ["davit-staging/build", "the metadata service", 80],
  ["davit-staging/build", "the metadata service by IPv6", 80],
  ["davit-staging/first-build", "davit/agent", 8080],
  ["davit-staging/first-build", "the metadata service", 80],
  // Fetches read what strangers wrote.
  ["davit-staging/fetch", "davit/s3", 7070],
  ["davit-staging/fetch", "davit-staging/build", 8080],
  ["davit-staging/fetch", "the metadata service", 80],
  ["davit-staging/fetch", "the metadata service by IPv6", 80],
  // Apps are other people's, and so is everything else.
  ...["apps/app", "another app", "the ingress controller", "a node", "the internet", "somebody's Pod in davit"].flatMap(
    (from): [string, string, number][] => [
      [from, "davit/s3", 7070],
      [from, "davit/registry", 5055],
      [from, "davit-staging/build", 8080],
      [from, "davit-staging/fetch", 8080],
      [from, "davit-node/node-trust", 8081],
      [from, "davit/errand", 8080],
    ],
  ),
  ["somebody's Pod in davit", "the internet", 443],
  // What only stores has nobody to talk to.
  ...["davit/s3", "davit/registry", "davit-node/node-trust"].flatMap((from) =>
    ["davit/agent", "apps/app", "DNS", "a node", "the internet", "the metadata service"].map((to): [string, string, number] => [from, to, 443]),
  ),
  ["davit/s3", "davit/registry", 5000],
  ["davit/registry", "davit/s3", 7070],
  ["davit/s3", "DNS", 53],
])("%s does not reach %s at %d", (from, to, port) => {
  expect(verdicts(from, to, port)).toEqual([false, false]);
});

test("where nobody knows the addresses of Pods, builds are kept from them by some plugins only, and from the metadata service by all", () => {
  const [source, agent, metadata] = [ends["davit-staging/build"], ends["davit/agent"], ends["the metadata service"]];
  if (!source || !agent || !metadata) throw new Error("nobody is there");
  const reach = (destination: End) =>
    Object.values(READINGS).map((reading) => judge(installedPolicies([]), { source, destination, protocol: "TCP", port: 8080 }, reading).allowed);
  expect(reach(agent)).toEqual([true, false]);
  expect(reach(metadata)).toEqual([false, false]);
});
