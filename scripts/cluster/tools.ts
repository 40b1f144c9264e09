import { existsSync, readFileSync } from "node:fs";
import { missingComponents } from "./build.ts";
import { run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import type { Layout } from "./layout.ts";

type Tool = { name: string; package: string; present: () => boolean };

const program = (name: string, from: string): Tool => ({ name, package: from, present: () => Bun.which(name) !== null });

/** Where distributions put the CNI plugins: Debian, Fedora, and the plugins' own releases. */
const cniFolders = ["/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin"];
export const cniBin = (): string => cniFolders.find((folder) => existsSync(`${folder}/bridge`)) ?? "/usr/lib/cni";

const tools: Tool[] = [
  program("runc", "runc"),
  { name: "CNI plugins", package: "containernetworking-plugins", present: () => existsSync(`${cniBin()}/bridge`) },
  program("ip", "iproute2"),
  program("iptables", "iptables"),
  program("conntrack", "conntrack"),
  program("nsenter", "util-linux"),
  program("openssl", "openssl"),
  program("busybox", "busybox-static"),
];

/** Makes sure that everything `up` needs is here: installs it on Debian, and elsewhere says what to install. */
export async function ensureTools(layout: Layout, say: (line: string) => void): Promise<void> {
  if (process.platform !== "linux") throw new ClusterError("the built-in cluster runs on Linux only; use a cluster of your own with --context NAME");
  if (process.getuid?.() !== 0)
    throw new ClusterError("missing: root (network namespaces and containers need it): run it again with sudo, or use --context NAME");
  const missing = tools.filter((tool) => !tool.present());
  if (missing.length > 0 && isDebian()) await installPackages(missing, say);
  const lines = tools
    .filter((tool) => !tool.present())
    .map((tool) => `missing: ${tool.name}: install the package ${tool.package} (apt-get install ${tool.package})`);
  if ((await missingComponents(layout)).length > 0 && Bun.which("go") === null)
    lines.push("missing: go 1.26 or later: https://go.dev/dl, then put its bin folder on PATH");
  if (lines.length > 0) throw new ClusterError(lines.join("\n"));
}

async function installPackages(missing: Tool[], say: (line: string) => void): Promise<void> {
  const packages = missing.map((tool) => tool.package);
  say(`installing ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], { env });
  await run(["apt-get", "install", "-y", "-o", "DPkg::Lock::Timeout=300", "-qq", "--no-install-recommends", ...packages], { env });
}

const isDebian = (): boolean => Bun.which("apt-get") !== null && existsSync("/etc/debian_version");

/** Without it nothing may be made less likely to be killed than oneself, and containerd has to be told so. */
export function mayRaiseOomScore(): boolean {
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const sysResource = 24n;
  return ((BigInt(`0x${capabilities}`) >> sysResource) & 1n) === 1n;
}
