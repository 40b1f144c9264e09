import type { KubeObject } from "#shared/kube/objects";

/** The fields of a Node that tell where its containerd looks for registries. */
export interface NodeFacts extends KubeObject {
  status?: { nodeInfo?: { kubeletVersion?: string; containerRuntimeVersion?: string; operatingSystem?: string; osImage?: string } };
}

export interface CertsDirs {
  folders: string[];
  problems: { problem: string; fix: string }[];
}

/** Where containerd looks by itself. */
export const standardCertsDir = "/etc/containerd/certs.d";
const BY_DISTRIBUTION: [mark: string, folder: string][] = [
  ["+k3s", "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"],
  ["+rke2", "/var/lib/rancher/rke2/agent/etc/containerd/certs.d"],
];

/**
 * The folders that the node-trust DaemonSet mounts: those that were said, else those of the distributions the nodes run, told
 * by their kubelets' versions. Only these are mounted, not the parents that would have to be searched.
 */
export function certsDirsOf(nodes: NodeFacts[], said: readonly string[]): CertsDirs {
  if (said.length > 0) return { folders: [...said], problems: [] };
  const linux = nodes.filter((node) => (node.status?.nodeInfo?.operatingSystem ?? "linux") === "linux");
  const others = linux.filter((node) => !node.status?.nodeInfo?.containerRuntimeVersion?.startsWith("containerd://"));
  if (others.length > 0) {
    const named = others.map((node) => `${node.metadata?.name} (${node.status?.nodeInfo?.containerRuntimeVersion})`).join(", ");
    const fix = "davit can tell containerd only; for another runtime that reads certs.d give its folder with --certs-dir";
    return { folders: [], problems: [{ problem: `nodes without containerd would not pull from davit's registry: ${named}`, fix }] };
  }
  return { folders: [...new Set(linux.map(folderOf))].sort(), problems: [] };
}

function folderOf(node: NodeFacts): string {
  const version = node.status?.nodeInfo?.kubeletVersion ?? "";
  return BY_DISTRIBUTION.find(([mark]) => version.includes(mark))?.[1] ?? standardCertsDir;
}
