import { join } from "node:path";
import { certsDirOf, type Layout, mirrorPort, type Node } from "./layout.ts";

/** What differs from machine to machine. */
export type Machine = { runc: string; cniBin: string; mayRaiseOomScore: boolean; snapshotter: "overlayfs" | "native"; resolvers: string[] };

export type ConfigFile = { path: string; text: string; mode: number };

const readable = (folder: string, name: string, text: string): ConfigFile => ({ path: join(folder, name), text, mode: 0o644 });

/** The configuration files of the servers that a cluster has once. Pure, as below: what they say depends on the arguments alone. */
export function configFiles(layout: Layout, machine: Machine): ConfigFile[] {
  return [
    readable(layout.config, "audit.json", json(auditPolicy)),
    readable(layout.config, "resolv.conf", machine.resolvers.map((address) => `nameserver ${address}\n`).join("") || "# no resolver\n"),
    readable(layout.config, "registry.json", json(registryConfiguration(layout))),
  ];
}

/** Those of the servers that each node has. */
export function nodeFiles(layout: Layout, node: Node, machine: Machine): ConfigFile[] {
  return [
    readable(node.config, "containerd.toml", containerdToml(layout, node, machine)),
    readable(node.config, "kubelet.json", json(kubeletConfiguration(layout, node))),
    readable(node.cni, "10-davit.conflist", json(cniNetwork(node))),
    readable(join(node.certsD, "docker.io"), "hosts.toml", mirrorToml(layout)),
  ];
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Every path is ours: the defaults would leave /opt/containerd, /run/nri and runc's state on a machine where `down` ran,
 * or, worse, share them with a containerd that the machine has of its own.
 */
export function containerdToml(layout: Layout, node: Node, machine: Machine): string {
  return `version = 3
root = "${node.containerd}"
state = "${node.containerdRun}"

[grpc]
  address = "${node.containerdSocket}"

[plugins."io.containerd.nri.v1.nri"]
  disable = true

[plugins."io.containerd.internal.v1.opt"]
  path = "${join(node.containerd, "opt")}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "${machine.snapshotter}"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "lab.local/pause:1"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "${certsDirOf(layout)}"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = ${!machine.mayRaiseOomScore}
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "${machine.runc}"
        Root = "${join(node.containerdRun, "runc")}"
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${machine.cniBin}"]
    conf_dir = "${node.cni}"
`;
}

/** Kubernetes' defaults, but for what a machine of any kind needs and for paths that would lie outside our folder. */
function kubeletConfiguration(layout: Layout, node: Node) {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: join(layout.pki, "ca.crt") } },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(layout.pki, `kubelet-serving${node.suffix}.crt`),
    tlsPrivateKeyFile: join(layout.pki, `kubelet-serving${node.suffix}.key`),
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${node.cgroup}`,
    // Machines with cgroup v1 or with swap are fine for trying things out.
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${node.containerdSocket}`,
    podLogsDir: node.podLogs,
    volumePluginDir: join(node.kubelet, "volume-plugins"),
    resolvConf: join(layout.config, "resolv.conf"),
    clusterDNS: [layout.net.dnsService],
    clusterDomain: "cluster.local",
    // The default of 10-15 % would evict everything on a developer's well-filled disk.
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
  };
}

/**
 * Who did what to which object, and by which right: what people and ServiceAccounts ask for. Not what keeps the cluster itself
 * alive, which would be most of the log, and never bodies, which may hold secrets.
 */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "None", nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/openapi/*"] },
    { level: "None", users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"] },
    { level: "None", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] },
    { level: "Metadata" },
  ],
};

function cniNetwork(node: Node) {
  const ipam = {
    type: "host-local",
    dataDir: node.cniAddresses,
    ranges: [[{ subnet: node.pods }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return {
    cniVersion: "1.0.0",
    name: node.namespace,
    plugins: [
      { type: "bridge", bridge: "cni0", isGateway: true, hairpinMode: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

/** The node looks for public images where builds do. containerd reads this for each pull. */
const mirrorToml = (layout: Layout): string => `[host."http://${layout.net.node}:${mirrorPort}"]
  capabilities = ["pull", "resolve"]
`;

/** The mirror of public base images: plain HTTP, reachable from this machine and its Pods only. */
function registryConfiguration(layout: Layout) {
  return {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: layout.mirror }, delete: { enabled: false } },
    http: { addr: `${layout.net.node}:${mirrorPort}` },
  };
}

export function kubeconfig(layout: Layout, user: string, pem: { ca: string; certificate: string; key: string }): string {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  return json({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: layout.id, cluster: { server: `https://${layout.net.node}:6443`, "certificate-authority-data": encode(pem.ca) } }],
    users: [{ name: user, user: { "client-certificate-data": encode(pem.certificate), "client-key-data": encode(pem.key) } }],
    contexts: [{ name: layout.id, context: { cluster: layout.id, user } }],
    "current-context": layout.id,
  });
}

/** Loopback resolvers are this machine's own: a Pod that asks them asks itself. */
export function reachableResolvers(resolvConf: string): string[] {
  const addresses = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap((match) => match[1] ?? []);
  return addresses.filter((address) => /^\d+(\.\d+){3}$/.test(address) && !address.startsWith("127."));
}
