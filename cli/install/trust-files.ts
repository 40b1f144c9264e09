import { CA_FILE, hostsToml, type RegistryHost, registryAuthority } from "#shared/hosts-toml";
import { type NodeFacts, standardCertsDir } from "./certs-dirs.ts";

/** How nodes are told of a registry: nodes that run the same are told the same. */
export interface NodeInstructions {
  /** What runs there, such as `k3s`. */
  distribution: string;
  nodes: string[];
  files: { path: string; content: string }[];
  /** What has to be done beside, or afterwards. */
  afterwards: string;
}

/** The registry, and the CA (PEM) that its certificate is of. */
export type TrustedRegistry = RegistryHost & { ca: string };

/** What to put where on these nodes, so that kubelet pulls from the registry. Folders that were said are those of every containerd. */
export function trustFiles(nodes: readonly NodeFacts[], registry: TrustedRegistry, certsDirs: readonly string[] = []): NodeInstructions[] {
  const linux = nodes.filter(({ status }) => (status?.nodeInfo?.operatingSystem ?? "linux") === "linux");
  const groups = Map.groupBy(linux, distributionOf);
  return [...groups].map(([distribution, members]) => ({
    distribution,
    nodes: members.map(({ metadata }) => metadata?.name ?? "").sort(),
    ...INSTRUCTIONS[distribution](registry, certsDirs),
  }));
}

type Distribution = "containerd" | "MicroK8s" | "k3s" | "RKE2" | "Talos" | "CRI-O" | "Docker";

/** Told by what kubelet says of itself; the runtime's name comes last, because distributions share it. */
function distributionOf({ metadata, status }: NodeFacts): Distribution {
  const { kubeletVersion = "", containerRuntimeVersion = "", osImage = "" } = status?.nodeInfo ?? {};
  if (kubeletVersion.includes("+k3s")) return "k3s";
  if (kubeletVersion.includes("+rke2")) return "RKE2";
  if (osImage.startsWith("Talos")) return "Talos";
  if (metadata?.labels?.["microk8s.io/cluster"] !== undefined) return "MicroK8s";
  if (containerRuntimeVersion.startsWith("cri-o://")) return "CRI-O";
  return containerRuntimeVersion.startsWith("docker://") ? "Docker" : "containerd";
}

type Instruct = (registry: TrustedRegistry, certsDirs: readonly string[]) => Pick<NodeInstructions, "files" | "afterwards">;

const CONFIG_PATH =
  "nothing has to be restarted; containerd looks there only if its config.toml says `config_path` with this folder for the registries of its CRI plugin (containerd 2 does by itself)";

const INSTRUCTIONS: Record<Distribution, Instruct> = {
  containerd: (registry, said) => ({
    files: (said.length > 0 ? said : [standardCertsDir]).flatMap((folder) => certsD(registry, folder)),
    afterwards: CONFIG_PATH,
  }),
  MicroK8s: (registry) => ({ files: certsD(registry, "/var/snap/microk8s/current/args/certs.d"), afterwards: "nothing has to be restarted" }),
  k3s: (registry) => rancher(registry, "k3s", "k3s (on agents k3s-agent)"),
  RKE2: (registry) => rancher(registry, "rke2", "rke2-server (on agents rke2-agent)"),
  Talos: (registry) => ({
    files: [{ path: "davit-registry.yaml", content: talosPatch(registry) }],
    afterwards:
      "apply this patch to the machine configuration of each of them: talosctl patch machineconfig --nodes NODE --patch @davit-registry.yaml",
  }),
  "CRI-O": (registry) => ({
    files: [
      { path: "/etc/containers/registries.conf.d/50-davit.conf", content: registriesConf(registry) },
      ...caFile(registry, `/etc/containers/certs.d/${registryAuthority(registry)}/ca.crt`),
    ],
    afterwards: "systemctl reload crio; on OpenShift a MachineConfig puts the files there",
  }),
  Docker: (registry) => ({
    files: caFile(registry, `/etc/docker/certs.d/${registry.registry}/ca.crt`),
    afterwards: `add the line \`${registry.address} ${registry.registry.replace(/:\d+$/, "")}\` to /etc/hosts${registry.plainHttp ? `, and ${registry.registry} to insecure-registries in /etc/docker/daemon.json` : ""}`,
  }),
};

function certsD(registry: TrustedRegistry, folder: string): NodeInstructions["files"] {
  const own = `${folder}/${registry.registry}`;
  return [...caFile(registry, `${own}/${CA_FILE}`), { path: `${own}/hosts.toml`, content: hostsToml(registry) }];
}

/** Where nothing is encrypted there is no CA. */
function caFile({ plainHttp, ca }: TrustedRegistry, path: string): NodeInstructions["files"] {
  return plainHttp ? [] : [{ path, content: ca }];
}

/** They write certs.d themselves at each start, from this file. */
function rancher(registry: TrustedRegistry, name: "k3s" | "rke2", service: string): Pick<NodeInstructions, "files" | "afterwards"> {
  const authority = registryAuthority(registry);
  const ca = `/etc/rancher/${name}/davit-registry-ca.crt`;
  const content = Bun.YAML.stringify(
    {
      mirrors: { [registry.registry]: { endpoint: [`${registry.plainHttp ? "http" : "https"}://${authority}`] } },
      ...(registry.plainHttp ? {} : { configs: { [authority]: { tls: { ca_file: ca } } } }),
    },
    null,
    2,
  );
  return {
    files: [...caFile(registry, ca), { path: `/etc/rancher/${name}/registries.yaml`, content: `${content}\n` }],
    afterwards: `systemctl restart ${service}; if registries.yaml is there already, add these lines to it`,
  };
}

function talosPatch(registry: TrustedRegistry): string {
  const authority = registryAuthority(registry);
  const registries = {
    mirrors: { [registry.registry]: { endpoints: [`${registry.plainHttp ? "http" : "https"}://${authority}`] } },
    ...(registry.plainHttp ? {} : { config: { [authority]: { tls: { ca: Buffer.from(registry.ca).toString("base64") } } } }),
  };
  return `${Bun.YAML.stringify({ machine: { registries } }, null, 2)}\n`;
}

function registriesConf(registry: TrustedRegistry): string {
  return `[[registry]]\nprefix = "${registry.registry}"\nlocation = "${registryAuthority(registry)}"\n${registry.plainHttp ? "insecure = true\n" : ""}`;
}
