import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { Fault } from "#shared/fault";

/** The addresses of a host that a fetch may connect to. @throws Fault git_refused, git_unreachable */
export type Resolve = (host: string) => Promise<string[]>;

/*
 * Where no git server is but other things that trust whoever reaches them: this machine, its links (a cloud's metadata
 * service is at one), groups, and ranges that stand for others. Private networks are allowed: companies' git servers
 * are there.
 */
const IPV4: [string, number][] = [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 3],
];
const IPV6: [string, number][] = [
  ["::", 96],
  ["2001::", 32],
  ["2002::", 16],
  ["fe80::", 10],
  ["ff00::", 8],
];
/** Metadata services that have an address in a private range. */
const METADATA = ["100.100.100.200", "fd00:ec2::254", "fd20:ce::254"];
/** IPv4 addresses as an IPv6-only cluster sees them. (Those mapped to ::ffff: are known to BlockList.) */
const NAT64 = "64:ff9b::";

const FORBIDDEN = forbidden();

function forbidden(): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of IPV4) {
    list.addSubnet(address, prefix);
    list.addSubnet(`${NAT64}${address}`, 96 + prefix, "ipv6");
  }
  for (const [address, prefix] of IPV6) list.addSubnet(address, prefix, "ipv6");
  for (const address of METADATA) list.addAddress(address, familyOf(address));
  return list;
}

/** Whether a fetch must not connect to the address. */
export function isForbidden(address: string): boolean {
  return isIP(address) === 0 || FORBIDDEN.check(address, familyOf(address));
}

/**
 * Refuses a host for what its name says, before anything is asked of a network.
 * @param host as in a URL: lower case, an IPv6 address in brackets
 * @throws Fault git_refused
 */
export function checkHost(host: string): void {
  const name = host.replace(/^\[|\]$|\.$/g, "");
  if (isIP(name) ? isForbidden(name) : /(^|\.)localhost$/.test(name)) throw refusal(host);
}

/** Resolves by DNS, once for each connection: what is checked is what is connected to. `refused` are addresses as well. */
export function guardedResolve(refused: ReadonlySet<string>, ask: Resolve = askDns): Resolve {
  return async (host) => {
    checkHost(host);
    const name = host.replace(/^\[|\]$/g, "");
    const addresses = isIP(name) ? [name] : await ask(name);
    if (addresses.length === 0 || addresses.some((address) => isForbidden(address) || refused.has(address))) throw refusal(host);
    return addresses;
  };
}

/** The addresses of hosts that are refused; one that does not resolve cannot be reached either. */
export async function addressesOf(hosts: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(hosts.map((host) => (isIP(host) ? [host] : askDns(host).catch(() => []))));
  return new Set(found.flat());
}

/* IPv4 first: many clusters have no way to the IPv6 addresses that their DNS tells. */
async function askDns(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true, order: "ipv4first" })).map(({ address }) => address);
  } catch (cause) {
    throw new Fault("git_unreachable", `the host ${host} is not known in the cluster`, { cause, details: { host } });
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

function refusal(host: string): Fault {
  return new Fault("git_refused", `${host} is an address that davit does not fetch from: this machine, its link or davit's own services`, {
    details: { host },
  });
}
