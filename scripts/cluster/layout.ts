import { homedir } from "node:os";
import { join } from "node:path";

/** Addresses: 198.18.0.0/15 is reserved for benchmarks (RFC 2544), so it is nobody's network. */
export const net = {
  namespace: "davit",
  hostLink: "davit0",
  nodeLink: "node0",
  node: "198.18.0.1",
  host: "198.18.0.254",
  all: "198.18.0.0/15",
  pods: "198.19.0.0/17",
  nodePods: "198.19.0.0/24",
  services: "198.19.128.0/17",
  apiService: "198.19.128.1",
  dnsService: "198.19.128.10",
  chain: "DAVIT-CLUSTER",
} as const;

export const nodeName = "davit-node";
/** Resolves to loopback everywhere: curl, Chromium and Bun know `localhost` and everything below it by themselves. */
export const domain = "apps.localhost";
export const mirrorPort = 5100;
export const cgroup = "davit-cluster";

/** Every path the cluster uses. `state` goes with `down`; `cache` stays. */
export type Layout = ReturnType<typeof layoutOf>;

export function layoutOf(env: Record<string, string | undefined>) {
  const cache = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "davit", "cluster");
  // Not below a home folder: containerd's shims put it into the paths of unix sockets, which end at 107 bytes.
  const state = "/var/lib/davit-cluster";
  return {
    cache,
    bin: join(cache, "bin"),
    archives: join(cache, "images"),
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
    lock: "/run/davit-cluster.lock",
  };
}
