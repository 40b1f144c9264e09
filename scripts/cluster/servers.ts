import { join } from "node:path";
import { type Layout, type Node, nodeOf } from "./layout.ts";
import { onNode } from "./network.ts";
import type { Server } from "./processes.ts";

/** Not the caller's environment: a proxy set there would come between the servers. */
const plainEnv = (layout: Layout): Server["env"] => ({ PATH: `${layout.bin}:${systemPath}`, HOME: layout.state });

/** The servers that a cluster has once. They run on the first node. */
export function controlPlane(layout: Layout) {
  const enter = onNode(nodeOf(layout, 1));
  const server = (name: string, flags: string[], env = plainEnv(layout)): Server => ({ name, argv: [join(layout.bin, name), ...flags], enter, env });
  return {
    etcd: server("etcd", etcdFlags(layout)),
    apiserver: server("kube-apiserver", apiserverFlags(layout)),
    controllers: server("kube-controller-manager", controllerFlags(layout)),
    scheduler: server("kube-scheduler", [kubeconfigFlag(layout.config, "kube-scheduler"), "--leader-elect=false"]),
    mirror: server("registry", ["serve", join(layout.config, "registry.json")], { ...plainEnv(layout), OTEL_TRACES_EXPORTER: "none" }),
  };
}

/** Those of each node; `host` is the environment of this machine's user. */
export function nodeServers(layout: Layout, node: Node, host: Record<string, string | undefined>) {
  const enter = onNode(node);
  const server = (name: string, flags: string[], env = plainEnv(layout)): Server => ({
    name: `${name}${node.suffix}`,
    argv: [join(layout.bin, name), ...flags],
    enter,
    env,
  });
  return {
    // containerd pulls images: it needs what the machine needs to reach registries (proxy, CA bundle).
    containerd: server("containerd", ["-c", join(node.config, "containerd.toml")], { ...host, PATH: plainEnv(layout).PATH }),
    kubelet: server("kubelet", kubeletFlags(node)),
    proxy: server("kube-proxy", proxyFlags(layout, node)),
  };
}

/** Every server of a cluster with these nodes. */
export const allServers = (layout: Layout, nodes: readonly Node[], host: Record<string, string | undefined>): Server[] => [
  ...Object.values(controlPlane(layout)),
  ...nodes.flatMap((node) => Object.values(nodeServers(layout, node, host))),
];

export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const kubeconfigFlag = (folder: string, user: string): string => `--kubeconfig=${join(folder, `${user}.conf`)}`;

const etcdFlags = (layout: Layout): string[] => [
  `--data-dir=${layout.etcd}`,
  "--listen-client-urls=http://127.0.0.1:2379",
  "--advertise-client-urls=http://127.0.0.1:2379",
  "--listen-peer-urls=http://127.0.0.1:2380",
  // Survives the death of any process, not a power cut: then `up` starts with an empty cluster.
  "--unsafe-no-fsync",
  "--log-level=warn",
];

function apiserverFlags(layout: Layout): string[] {
  const pki = (file: string): string => join(layout.pki, file);
  return [
    "--etcd-servers=http://127.0.0.1:2379",
    `--advertise-address=${layout.net.node}`,
    "--bind-address=0.0.0.0",
    "--secure-port=6443",
    `--service-cluster-ip-range=${layout.net.services}`,
    `--client-ca-file=${pki("ca.crt")}`,
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--kubelet-client-certificate=${pki("apiserver-to-kubelet.crt")}`,
    `--kubelet-client-key=${pki("apiserver-to-kubelet.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    "--kubelet-preferred-address-types=InternalIP",
    `--service-account-key-file=${pki("service-accounts.pub")}`,
    `--service-account-signing-key-file=${pki("service-accounts.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    `--audit-policy-file=${join(layout.config, "audit.json")}`,
    `--audit-log-path=${layout.auditLog}`,
    // Room for all that a run of the end-to-end tests does: what they look for shall not have been rotated away.
    "--audit-log-maxsize=1000",
    "--audit-log-maxbackup=1",
  ];
}

const controllerFlags = (layout: Layout): string[] => [
  kubeconfigFlag(layout.config, "kube-controller-manager"),
  `--service-account-private-key-file=${join(layout.pki, "service-accounts.key")}`,
  `--root-ca-file=${join(layout.pki, "ca.crt")}`,
  `--cluster-signing-cert-file=${join(layout.pki, "ca.crt")}`,
  `--cluster-signing-key-file=${join(layout.pki, "ca.key")}`,
  "--use-service-account-credentials=true",
  `--cluster-cidr=${layout.net.pods}`,
  "--allocate-node-cidrs=true",
  "--leader-elect=false",
  `--flex-volume-plugin-dir=${join(nodeOf(layout, 1).kubelet, "volume-plugins")}`,
];

const kubeletFlags = (node: Node): string[] => [
  `--config=${join(node.config, "kubelet.json")}`,
  kubeconfigFlag(node.config, "kubelet"),
  `--hostname-override=${node.name}`,
  `--root-dir=${node.kubelet}`,
  `--node-ip=${node.address}`,
];

const proxyFlags = (layout: Layout, node: Node): string[] => [
  kubeconfigFlag(layout.config, "kube-proxy"),
  `--hostname-override=${node.name}`,
  `--cluster-cidr=${layout.net.pods}`,
  "--proxy-mode=iptables",
  // The limit is the machine's, not the namespace's: leave it as it is.
  "--conntrack-max-per-core=0",
];
