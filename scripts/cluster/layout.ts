import { homedir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "./fail.ts";

/** 198.18.0.0/15 is reserved for benchmarks (RFC 2544), so it is nobody's network. All clusters of a machine share it. */
export const allAddresses = "198.18.0.0/15";
export const DEFAULT_CLUSTER = "default";
/** How many clusters the addresses are enough for. */
export const SHARES = 8;

/** How many nodes a cluster may have. */
export const MAX_NODES = 4;
/** Resolves to loopback everywhere: curl, Chromium and Bun know `localhost` and everything below it by themselves. */
export const domain = "apps.localhost";
export const mirrorPort = 5100;

/** Which cluster the environment means: DAVIT_CLUSTER=NAME, or the one without a name. */
export function clusterName(env: Record<string, string | undefined>): string {
  const name = env.DAVIT_CLUSTER || DEFAULT_CLUSTER;
  // It becomes part of the paths of unix sockets, which end at 107 bytes.
  if (!/^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$/.test(name))
    throw new ClusterError(`DAVIT_CLUSTER=${name}: a name is up to 16 small letters, digits and dashes, such as DAVIT_CLUSTER=second`);
  return name;
}

const suffixed = (name: string, cluster: string): string => (cluster === DEFAULT_CLUSTER ? name : `${name}-${cluster}`);

export const lockOf = (cluster: string): string => `/run/${suffixed("davit-cluster", cluster)}.lock`;

/** A cluster's part of all addresses: `share` is 0 for the default one, 1 to 7 for those with a name. */
export type Network = ReturnType<typeof networkOf>;

export function networkOf(cluster: string, share: number) {
  const services = `198.19.${128 + 16 * share}`;
  return {
    share,
    namespace: suffixed("davit", cluster),
    /** Of the first node, where the control plane, the image mirror and the ingress are. */
    node: nodeAddress(share, 1, 1),
    host: nodeAddress(share, 1, 254),
    pods: `198.19.${16 * share}.0/20`,
    services: `${services}.0/20`,
    apiService: `${services}.1`,
    dnsService: `${services}.10`,
    chain: share === 0 ? "DAVIT-CLUSTER" : `DAVIT-CLUSTER-${share}`,
  };
}

/** Each node has a network of its own with this machine. */
const nodeAddress = (share: number, number: number, last: number): string => `198.18.${share + SHARES * (number - 1)}.${last}`;

/** Every path and address the cluster uses. `state` goes with `down`; `cache` stays and belongs to all clusters. */
export type Layout = ReturnType<typeof layoutOf>;

export function layoutOf(env: Record<string, string | undefined>, share = 0) {
  const cluster = clusterName(env);
  const id = suffixed("davit-cluster", cluster);
  const net = networkOf(cluster, share);
  const cache = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "davit", "cluster");
  // Not below a home folder: containerd's shims put it into the paths of unix sockets.
  const state = `/var/lib/${id}`;
  return {
    cluster,
    id,
    net,
    cache,
    bin: join(cache, "bin"),
    archives: join(cache, "images"),
    buildLock: join(cache, "build.lock"),
    state,
    pki: join(state, "pki"),
    logs: join(state, "logs"),
    pids: join(state, "pids"),
    config: join(state, "config"),
    etcd: join(state, "etcd"),
    mirror: join(state, "mirror"),
    kubeconfig: join(state, "admin.conf"),
    /** The CA of the davit that scripts/lab has put into the cluster. */
    davitCa: join(state, "admin.conf.ca.crt"),
    auditLog: join(state, "logs", "audit.log"),
    facts: join(state, "facts.json"),
  };
}

/** Where every node has, in its own view of the files, whom its containerd trusts. */
export const certsDirOf = (layout: Layout): string => nodeOf(layout, 1).certsD;

/** A machine as the cluster sees it: a network namespace, containerd and a kubelet. The first one is there always. */
export type Node = ReturnType<typeof nodeOf>;

export const nodesOf = (layout: Layout, count: number): Node[] => Array.from({ length: count }, (_, index) => nodeOf(layout, index + 1));

export function nodeOf(layout: Layout, number: number) {
  const { id, net, state, config } = layout;
  const first = number === 1;
  const suffix = first ? "" : `-${number}`;
  const folder = first ? state : join(state, `node${suffix}`);
  // No cluster's name has a dot.
  const namespace = first ? net.namespace : `${net.namespace}.${number}`;
  return {
    number,
    suffix,
    name: `davit-node${suffix}`,
    namespace,
    netns: `/run/netns/${namespace}`,
    /** Where the node's own view of this machine's files is kept; the first one has none. */
    view: first ? undefined : join(folder, "view"),
    address: nodeAddress(net.share, number, 1),
    host: nodeAddress(net.share, number, 254),
    range: nodeAddress(net.share, number, 0).concat("/24"),
    pods: `198.19.${16 * net.share + number - 1}.0/24`,
    hostLink: `davit${net.share}${suffix}`,
    cgroup: first ? id : join(id, `node${suffix}`),
    folder,
    config: first ? config : join(config, `node${suffix}`),
    certsD: join(folder, "certs.d"),
    volumes: join(folder, "volumes"),
    podLogs: join(folder, "pod-logs"),
    containerd: join(folder, "containerd"),
    containerdRun: join(folder, "run"),
    containerdSocket: join(folder, "containerd.sock"),
    kubelet: join(folder, "kubelet"),
    cni: join(folder, "cni"),
    cniAddresses: join(folder, "cni-addresses"),
  };
}
