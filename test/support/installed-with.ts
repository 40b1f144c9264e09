import { installedOptions } from "#cli/install/installed";
import { davit, kube } from "./lab.ts";

/** The flags with which davit is installed here, as the installation itself keeps them. */
export async function installedWith(): Promise<{ flags: string[]; certsDirs: string[] }> {
  const { domain = "", images, mirrors = [], certsDirs = [] } = await installedOptions(await kube());
  const flags = [
    ["--domain", domain],
    ...Object.entries(images ?? {}).map(([name, image]) => [`--${name}-image`, image]),
    ...mirrors.map((mirror) => ["--registry-mirror", mirror]),
    ...certsDirs.map((dir) => ["--certs-dir", dir]),
  ];
  return { certsDirs, flags: flags.flat() };
}

/** Installs again with what runs here, and with these flags. */
export async function installAgain(...more: string[]): Promise<void> {
  const { flags } = await installedWith();
  const done = await davit(["install", ...flags, ...more, "--yes"]);
  if (done.code !== 0) throw new Error(`davit install ${more.join(" ")}: ${done.stderr}`);
}
