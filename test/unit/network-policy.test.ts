import { expect, test } from "bun:test";
import type { V1NetworkPolicy } from "#shared/kube/objects";
import type { PodSeen } from "#test/audit/recording";
import { connectionsOf, describeConnection, isProbe } from "#test/network/ends";
import { parseFlow } from "#test/network/flows";
import { type Connection, type End, judge, type PodEnd, READINGS } from "#test/network/policy";

type Spec = NonNullable<V1NetworkPolicy["spec"]>;

const ANY = READINGS["an ipBlock is any address"];
const NO_POD = READINGS["an ipBlock is never a Pod"];
let last = 0;

function pod(namespace: string, labels: Record<string, string> = {}, ports: PodEnd["ports"] = []): PodEnd {
  const namespaceLabels = { "kubernetes.io/metadata.name": namespace, team: namespace };
  return { kind: "pod", address: `10.0.0.${++last}`, namespace, namespaceLabels, labels, ports };
}

const outside = (address: string): End => ({ kind: "outside", address });
const node: End = { kind: "node", address: "192.168.0.1" };

/** A policy as it stands in YAML, where a rule's peers are under `from`. */
const policy = (namespace: string, spec: object): V1NetworkPolicy => ({ metadata: { namespace }, spec: spec as Spec });

function allowed(
  policies: V1NetworkPolicy[],
  source: End,
  destination: End,
  more: Partial<Connection> & { reading?: typeof ANY | typeof NO_POD } = {},
): boolean {
  const { reading = ANY, ...connection } = more;
  return judge(policies, { source, destination, protocol: "TCP", port: 80, ...connection }, reading).allowed;
}

const web = pod("shop", { app: "web" }, [{ name: "http", number: 8080, protocol: "TCP" }]);
const db = pod("shop", { app: "db" });
const stranger = pod("bank", { app: "web" });

test("a Pod that no policy speaks of may be reached by everyone and reach everything", () => {
  const elsewhere = policy("bank", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  expect(allowed([], stranger, db)).toBe(true);
  expect(allowed([elsewhere], web, db)).toBe(true);
  expect(allowed([elsewhere], db, outside("1.1.1.1"))).toBe(true);
});

test("a policy without rules denies the directions it is about, and without types it is about what comes in", () => {
  const closed = (policyTypes?: string[]) => [
    policy("shop", { podSelector: { matchLabels: { app: "db" } }, ...(policyTypes ? { policyTypes } : {}) }),
  ];
  const both = (policies: V1NetworkPolicy[]) => ({ in: allowed(policies, web, db), out: allowed(policies, db, web) });
  expect(both(closed())).toEqual({ in: false, out: true });
  expect(both(closed(["Ingress"]))).toEqual({ in: false, out: true });
  expect(both(closed(["Egress"]))).toEqual({ in: true, out: false });
  expect(both(closed(["Ingress", "Egress"]))).toEqual({ in: false, out: false });
  const withEgressRule = policy("shop", { podSelector: {}, egress: [{ to: [{ podSelector: { matchLabels: { app: "web" } } }] }] });
  expect(both([withEgressRule])).toEqual({ in: false, out: false });
  expect(judge(closed(), { source: web, destination: db, protocol: "TCP", port: 80 }, ANY)).toEqual({
    allowed: false,
    by: `Ingress of shop/${db.address}`,
  });
});

test("policies add up: one that allows is enough, and both ends have to agree", () => {
  const deny = policy("shop", { podSelector: {}, policyTypes: ["Ingress"] });
  const allow = policy("shop", {
    podSelector: { matchLabels: { app: "db" } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
  });
  const silent = policy("shop", { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Egress"] });
  expect(allowed([deny, allow], web, db)).toBe(true);
  expect(allowed([deny, allow], stranger, db)).toBe(false);
  expect(allowed([deny, allow, silent], web, db)).toBe(false);
});

test("a peer's selectors: Pods of the own namespace, all Pods of namespaces, or some Pods of some namespaces", () => {
  const from = (...peers: object[]) => [policy("shop", { podSelector: {}, ingress: [{ from: peers }] })];
  const app = { matchLabels: { app: "web" } };
  const bank = { matchLabels: { team: "bank" } };
  expect([allowed(from({ podSelector: app }), web, db), allowed(from({ podSelector: app }), stranger, db)]).toEqual([true, false]);
  expect([allowed(from({ namespaceSelector: bank }), web, db), allowed(from({ namespaceSelector: bank }), stranger, db)]).toEqual([false, true]);
  const other = pod("bank", { app: "other" });
  const together = from({ namespaceSelector: bank, podSelector: app });
  expect([web, stranger, other].map((source) => allowed(together, source, db))).toEqual([false, true, false]);
  // As two peers, one of them is enough.
  const apart = from({ namespaceSelector: bank }, { podSelector: app });
  expect([web, stranger, other].map((source) => allowed(apart, source, db))).toEqual([true, true, true]);
  expect(allowed(from({ namespaceSelector: {} }), stranger, db)).toBe(true);
  expect([node, outside("1.1.1.1")].map((source) => allowed(from({ namespaceSelector: {} }), source, db))).toEqual([false, false]);
});

test.each([
  [{ key: "app", operator: "In", values: ["web", "api"] }, [true, false, false]],
  [{ key: "app", operator: "NotIn", values: ["web"] }, [false, true, true]],
  [{ key: "app", operator: "Exists" }, [true, true, false]],
  [{ key: "app", operator: "DoesNotExist" }, [false, false, true]],
])("the expression %j selects by what a label says, and by its absence", (expression, expected) => {
  const policies = [
    policy("shop", { podSelector: { matchLabels: { target: "yes" } }, ingress: [{ from: [{ podSelector: { matchExpressions: [expression] } }] }] }),
  ];
  const sources = [pod("shop", { app: "web" }), pod("shop", { app: "db" }), pod("shop")];
  expect(sources.map((source) => allowed(policies, source, pod("shop", { target: "yes" })))).toEqual(expected);
});

test("rules without peers or without ports mean all of them, and an operator that nobody knows is an error", () => {
  const rule = (ingress: object[]) => [policy("shop", { podSelector: {}, ingress })];
  expect([web, stranger, node, outside("1.1.1.1")].map((source) => allowed(rule([{}]), source, db))).toEqual([true, true, true, true]);
  expect(allowed(rule([{ from: [], ports: [] }]), stranger, db, { protocol: "SCTP", port: 1 })).toBe(true);
  expect(allowed(rule([]), web, db)).toBe(false);
  const unknown = [policy("shop", { podSelector: { matchExpressions: [{ key: "app", operator: "Like", values: [] }] } })];
  expect(() => allowed(unknown, web, db)).toThrow("Like");
});

test("an ipBlock is a range without its exceptions, of either family, and what it means for Pods is a matter of reading", () => {
  const to = (ipBlock: object) => [
    policy("shop", { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Egress"], egress: [{ to: [{ ipBlock }] }] }),
  ];
  const all = to({ cidr: "0.0.0.0/0", except: ["169.254.0.0/16", "10.9.0.0/16"] });
  const reached = (policies: V1NetworkPolicy[], addresses: string[]) => addresses.map((address) => allowed(policies, web, outside(address)));
  expect(reached(all, ["1.1.1.1", "169.254.169.254", "10.9.1.1", "10.8.1.1", "2001:db8::1"])).toEqual([true, false, false, true, false]);
  expect(reached(to({ cidr: "::/0", except: ["fd00:ec2::254/128"] }), ["2001:db8::1", "fd00:ec2::254", "1.1.1.1"])).toEqual([true, false, false]);
  expect(reached(to({ cidr: "192.0.2.64/26" }), ["192.0.2.64", "192.0.2.127", "192.0.2.128", "192.0.2.63"])).toEqual([true, true, false, false]);
  expect([ANY, NO_POD].map((reading) => allowed(all, web, db, { reading }))).toEqual([true, false]);
  expect([ANY, NO_POD].map((reading) => allowed(all, web, node, { reading }))).toEqual([true, true]);
});

test("ports: by number, range and protocol, or by the name that the Pod at the other end gives them", () => {
  const ports = (...list: object[]) => [policy("shop", { podSelector: { matchLabels: { app: "web" } }, ingress: [{ ports: list }] })];
  const at = (policies: V1NetworkPolicy[], port: number, protocol: Connection["protocol"] = "TCP") =>
    allowed(policies, stranger, web, { port, protocol });
  expect([at(ports({ port: 8080 }), 8080), at(ports({ port: 8080 }), 8081), at(ports({ port: 8080 }), 8080, "UDP")]).toEqual([true, false, false]);
  expect([79, 80, 90, 91].map((port) => at(ports({ port: 80, endPort: 90 }), port))).toEqual([false, true, true, false]);
  expect([at(ports({ protocol: "UDP" }), 53, "UDP"), at(ports({ protocol: "UDP" }), 53)]).toEqual([true, false]);
  expect([at(ports({ port: "http" }), 8080), at(ports({ port: "http" }), 80), at(ports({ port: "https" }), 8080)]).toEqual([true, false, false]);
  expect([at(ports({ port: 1 }, { port: "http" }), 8080), at(ports({ port: "http", protocol: "UDP" }), 8080, "UDP")]).toEqual([true, false]);
  // For what goes out it is the other Pod's name as well; what is no Pod has no names.
  const egress = [policy("bank", { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [{ port: "http" }] }] })];
  expect(allowed(egress, stranger, web, { port: 8080 })).toBe(true);
  expect(allowed(egress, stranger, outside("1.1.1.1"), { port: 8080 })).toBe(false);
});

test("nothing stands between a Pod and itself", () => {
  const closed = [policy("shop", { podSelector: {}, policyTypes: ["Ingress", "Egress"] })];
  expect(allowed(closed, web, web)).toBe(true);
  expect(allowed(closed, web, db)).toBe(false);
});

const line = (seconds: string, asked: string, answered: string, protocol = "tcp      6 120 SYN_SENT") =>
  `[${seconds}]\t    [NEW] ipv4     2 ${protocol} ${asked} [UNREPLIED] ${answered} id=1`;

test("a line of connection tracking is a flow to where the answers come from; other lines are none", () => {
  const toService = line("1700000000.500000", "src=10.1.0.9 dst=10.2.0.1 sport=4711 dport=443", "src=10.1.0.5 dst=10.1.0.9 sport=7070 dport=4711");
  expect(parseFlow(toService)).toEqual({ at: 1700000000500, protocol: "TCP", source: "10.1.0.9", destination: "10.1.0.5", port: 7070 });
  const dns = line(
    "1.000000",
    "src=10.1.0.9 dst=10.2.0.10 sport=4711 dport=53",
    "src=10.1.0.3 dst=192.168.0.1 sport=53 dport=4711",
    "udp      17 30",
  );
  expect(parseFlow(dns)).toMatchObject({ protocol: "UDP", source: "10.1.0.9", destination: "10.1.0.3", port: 53 });
  expect(
    parseFlow("[1.0]\t[NEW] ipv4 2 icmp 1 30 src=10.1.0.9 dst=10.1.0.3 type=8 code=0 id=1 [UNREPLIED] src=10.1.0.3 dst=10.1.0.9 type=0 code=0 id=1"),
  ).toBeUndefined();
  expect(parseFlow("")).toBeUndefined();
});

test("an address means the Pod that had it at the time", () => {
  const seen = (name: string, createdAt: number, address: string): PodSeen => {
    return {
      uid: name,
      name,
      namespace: "shop",
      address,
      labels: { "davit.dev/app": name },
      ports: [],
      probed: name === "second" ? [8080] : [],
      createdAt,
    };
  };
  const pods = [seen("second", 60_000, "10.1.0.9"), seen("first", 10_000, "10.1.0.9"), seen("db", 0, "10.1.0.5")];
  const flow = (at: number, source: string, destination: string) => ({ at, protocol: "TCP" as const, source, destination, port: 8080 });
  const flows = [
    flow(20_000, "10.1.0.9", "10.1.0.5"),
    flow(21_000, "10.1.0.9", "10.1.0.5"),
    flow(70_000, "10.1.0.9", "1.1.1.1"),
    flow(70_000, "192.168.0.1", "10.1.0.9"),
  ];
  const connections = connectionsOf({ from: 0, to: 80_000, nodes: ["192.168.0.1"], namespaces: { shop: { team: "a" } }, flows, pods });
  expect(connections.map(describeConnection)).toEqual([
    "shop/first -> shop/db TCP 8080",
    "shop/second -> outside 1.1.1.1 TCP 8080",
    "node 192.168.0.1 -> shop/second TCP 8080",
  ]);
  expect(connections.map((connection) => isProbe(connection, pods))).toEqual([false, false, true]);
  expect(connections[0]?.source).toMatchObject({ namespaceLabels: { team: "a", "kubernetes.io/metadata.name": "shop" } });
});
