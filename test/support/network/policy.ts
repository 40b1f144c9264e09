import { BlockList, isIP } from "node:net";
import type { V1NetworkPolicy } from "#shared/kube/objects";

/** One end of a connection. `node`: a machine of the cluster, or what shares its network; `outside`: everything else. */
export type End = PodEnd | { kind: "node" | "outside"; address: string };

export interface PodEnd {
  kind: "pod";
  address: string;
  namespace: string;
  namespaceLabels: Labels;
  labels: Labels;
  ports: { name?: string; number: number; protocol: Protocol }[];
}

export type Labels = Record<string, string>;
export type Protocol = "TCP" | "UDP" | "SCTP";

/** After the translation of a Service's address. */
export interface Connection {
  source: End;
  destination: End;
  protocol: Protocol;
  port: number;
}

/**
 * Whose address an ipBlock can mean. Network plugins differ: to some, an ipBlock is any address (Calico, Antrea, kube-router),
 * to others never that of a Pod, or not even of a node (Cilium). What has to work must be allowed in each reading, what must
 * not work be forbidden in each.
 */
export type Reading = readonly End["kind"][];
export const READINGS = {
  "an ipBlock is any address": ["outside", "node", "pod"],
  "an ipBlock is never a Pod": ["outside", "node"],
} as const satisfies Record<string, Reading>;

type Spec = NonNullable<V1NetworkPolicy["spec"]>;
type IngressRule = NonNullable<Spec["ingress"]>[number];
type EgressRule = NonNullable<Spec["egress"]>[number];
type Peer = NonNullable<IngressRule["_from"]>[number];
type Port = NonNullable<IngressRule["ports"]>[number];
type Selector = NonNullable<Spec["podSelector"]>;
type Direction = "Ingress" | "Egress";

export type Verdict = { allowed: true } | { allowed: false; by: `${Direction} of ${string}` };

/** Whether the policies let a connection begin. Answers to it need no rule. */
export function judge(policies: readonly V1NetworkPolicy[], connection: Connection, reading: Reading): Verdict {
  const { source, destination } = connection;
  // Nothing stands between a Pod and itself.
  if (source.kind === "pod" && source.address === destination.address) return { allowed: true };
  if (!permits(policies, "Egress", source, destination, connection, reading)) return { allowed: false, by: `Egress of ${nameOf(source)}` };
  if (!permits(policies, "Ingress", destination, source, connection, reading)) return { allowed: false, by: `Ingress of ${nameOf(destination)}` };
  return { allowed: true };
}

const nameOf = (end: End): string => (end.kind === "pod" ? `${end.namespace}/${end.address}` : end.address);

/** A Pod that no policy speaks of may do everything; the others only what one of their policies says. */
function permits(
  policies: readonly V1NetworkPolicy[],
  direction: Direction,
  self: End,
  other: End,
  { protocol, port, destination }: Connection,
  reading: Reading,
): boolean {
  if (self.kind !== "pod") return true;
  const mine = policies.filter(
    ({ metadata, spec }) => metadata?.namespace === self.namespace && typesOf(spec).includes(direction) && selects(spec?.podSelector, self.labels),
  );
  if (mine.length === 0) return true;
  return mine.some(({ metadata, spec }) =>
    rulesOf(spec, direction).some(
      ({ peers, ports }) =>
        (peers.length === 0 || peers.some((peer) => isPeer(peer, metadata?.namespace ?? "", other, reading))) &&
        (ports.length === 0 || ports.some((candidate) => isPort(candidate, protocol, port, destination))),
    ),
  );
}

/** Unsaid, a policy is about what comes in, and about what goes out when it has rules for that. */
function typesOf(spec: Spec | undefined): string[] {
  return spec?.policyTypes ?? ["Ingress", ...(spec?.egress?.length ? ["Egress"] : [])];
}

function rulesOf(spec: Spec | undefined, direction: Direction): { peers: Peer[]; ports: Port[] }[] {
  if (direction === "Egress") return (spec?.egress ?? []).map((rule: EgressRule) => ({ peers: rule.to ?? [], ports: rule.ports ?? [] }));
  // The API calls it `from`; the package of types renames it, because some languages cannot say it.
  return (spec?.ingress ?? []).map((rule: IngressRule & { from?: Peer[] }) => ({ peers: rule.from ?? rule._from ?? [], ports: rule.ports ?? [] }));
}

function isPeer({ ipBlock, podSelector, namespaceSelector }: Peer, ownNamespace: string, end: End, reading: Reading): boolean {
  if (ipBlock) return reading.includes(end.kind) && inBlock(ipBlock, end.address);
  if (end.kind !== "pod") return false;
  const inNamespace = namespaceSelector ? selects(namespaceSelector, end.namespaceLabels) : end.namespace === ownNamespace;
  return inNamespace && selects(podSelector, end.labels);
}

function inBlock({ cidr, except = [] }: NonNullable<Peer["ipBlock"]>, address: string): boolean {
  return inRange(cidr, address) && !except.some((range) => inRange(range, address));
}

export function inRange(cidr: string, address: string): boolean {
  const [network = "", prefix = ""] = cidr.split("/");
  if (isIP(network) !== isIP(address)) return false;
  const family = isIP(network) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family);
  return list.check(address, family);
}

/** A port by name is whatever the Pod that is connected to calls so. */
function isPort({ protocol = "TCP", port, endPort }: Port, wantedProtocol: Protocol, wanted: number, destination: End): boolean {
  if (protocol !== wantedProtocol) return false;
  if (port === undefined) return true;
  if (typeof port === "number") return wanted >= port && wanted <= (endPort ?? port);
  if (destination.kind !== "pod") return false;
  return destination.ports.some((candidate) => candidate.name === port && candidate.number === wanted && candidate.protocol === protocol);
}

/** An empty selector selects everything, and so does none where the API lets it be left out. */
function selects(selector: Selector | undefined, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "In") return value !== undefined && values.includes(value);
      if (operator === "NotIn") return value === undefined || !values.includes(value);
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      throw new Error(`a selector's operator is ${operator}`);
    })
  );
}
