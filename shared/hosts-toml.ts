/** What containerd is told of one registry. */
export interface RegistryHost {
  /** host:port, as image names have it. */
  registry: string;
  /** Where nodes find it: they cannot resolve cluster names. */
  address: string;
  plainHttp: boolean;
}

/** Beside hosts.toml. An admin's `ca.crt` there, which containerd reads where there is no hosts.toml, is left alone. */
export const CA_FILE = "davit-ca.crt";

/** The address with its port, as URLs have it. */
export function registryAuthority({ registry, address, plainHttp }: RegistryHost): string {
  const port = /:(\d+)$/.exec(registry)?.[1] ?? (plainHttp ? "80" : "443");
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** hosts.toml as containerd reads it; a relative `ca` is looked for beside it. */
export function hostsToml(host: RegistryHost): string {
  const scheme = host.plainHttp ? "http" : "https";
  return `server = "${scheme}://${host.registry}"

[host."${scheme}://${registryAuthority(host)}"]
  capabilities = ["pull", "resolve"]
${host.plainHttp ? "" : `  ca = "${CA_FILE}"\n`}`;
}
