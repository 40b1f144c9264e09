import type { PodSeen, Recording } from "#test/audit/recording";
import type { Connection, End } from "./policy.ts";

/** A Pod's first packets may carry a time a little before that of its object: the two clocks tick in different steps. */
const CLOCK_MS = 1000;

/** The flows of a run with Pods in the place of addresses; each kind of connection once. */
export function connectionsOf({ flows, pods, nodes, namespaces }: Recording): Connection[] {
  const byAddress = Map.groupBy(pods, ({ address }) => address);
  const endOf = (address: string, at: number): End => {
    const pod = holderOf(byAddress.get(address) ?? [], at);
    if (pod) return podEnd(pod, namespaces);
    return { kind: nodes.includes(address) ? "node" : "outside", address };
  };
  const seen = new Map<string, Connection>();
  for (const { at, source, destination, protocol, port } of flows) {
    const connection = { source: endOf(source, at), destination: endOf(destination, at), protocol, port };
    seen.set(JSON.stringify(connection), connection);
  }
  return [...seen.values()];
}

/** An address goes from Pod to Pod; it is the newest one's that was there by then. */
function holderOf(holders: readonly PodSeen[], at: number): PodSeen | undefined {
  return holders
    .filter(({ createdAt }) => createdAt <= at + CLOCK_MS)
    .reduce<PodSeen | undefined>((best, pod) => (!best || pod.createdAt >= best.createdAt ? pod : best), undefined);
}

function podEnd({ namespace, address, labels, ports }: PodSeen, namespaces: Recording["namespaces"]): Extract<End, { kind: "pod" }> {
  const namespaceLabels = { "kubernetes.io/metadata.name": namespace, ...namespaces[namespace] };
  return { kind: "pod", namespace, address, labels, ports, namespaceLabels };
}

/** Whether kubelet made this connection to see how a Pod is; network plugins let a Pod's own node in, whatever policies say. */
export function isProbe({ source, port, destination }: Connection, pods: readonly PodSeen[]): boolean {
  return source.kind === "node" && pods.some(({ address, probed }) => address === destination.address && probed.includes(port));
}

/** As people write it. */
export function describeConnection({ source, destination, protocol, port }: Connection): string {
  return `${describeEnd(source)} -> ${describeEnd(destination)} ${protocol} ${port}`;
}

function describeEnd(end: End): string {
  if (end.kind !== "pod") return `${end.kind} ${end.address}`;
  const { "app.kubernetes.io/component": component, "davit.dev/app": app } = end.labels;
  return `${end.namespace}/${component ?? app ?? end.address}`;
}
