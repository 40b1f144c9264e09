import { homedir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "./fail.ts";

/** 198.18.0.0/15 is reserved for benchmarks (RFC 2544), so it is nobody's network. All clusters of a machine share it. */
export const allAddresses = "198.18.0.0/15";
export const DEFAULT_CLUSTER = "default";
/** How many clusters the addresses are enough for. */
export const SHARES = 8;

export const nodeName = "davit-node";
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
  const nodes = `198.18.${share}`;
  const pods = `198.19.${16 * share}`;
  const services = `198.19.${128 + 16 * share}`;
  return {
    namespace: suffixed("davit", cluster),
    hostLink: `davit${share}`,
    nodeLink: "node0",
    nodes: `${nodes}.0/24`,
    node: `${nodes}.1`,
    host: `${nodes}.254`,
    pods: `${pods}.0/20`,
    nodePods: `${pods}.0/24`,
    services: `${services}.0/20`,
    apiService: `${services}.1`,
    dnsService: `${services}.10`,
    chain: share === 0 ? "DAVIT-CLUSTER" : `DAVIT-CLUSTER-${share}`,
  };
}

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
    certsD: join(state, "certs.d"),
    volumes: join(state, "volumes"),
    etcd: join(state, "etcd"),
    containerd: join(state, "containerd"),
    containerdRun: join(state, "run"),
    containerdSocket: join(state, "containerd.sock"),
    kubelet: join(state, "kubelet"),
    cni: join(state, "cni"),
    mirror: join(state, "mirror"),
    kubeconfig: join(state, "admin.conf"),
    auditLog: join(state, "logs", "audit.log"),
    facts: join(state, "facts.json"),
    netns: `/run/netns/${net.namespace}`,
  };
}
