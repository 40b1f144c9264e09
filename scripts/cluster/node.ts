import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { attempt, run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import { allAddresses, type Layout, type Network } from "./layout.ts";

const enter = (layout: Layout): string[] => ["nsenter", `--net=${layout.netns}`];

/** The network of the node: a namespace, a link to it, routes to Pods and Services, and a way out to the internet. */
export async function ensureNode(layout: Layout): Promise<void> {
  await ensureNamespace(layout);
  await ensureLink(layout);
  await ensureWayOut(layout.net);
}

async function ensureNamespace(layout: Layout): Promise<void> {
  if ((await attempt([...enter(layout), "true"])).code !== 0) {
    // A file that is no namespace (any more): left by something killed half-way.
    await removeNamespace(layout);
    await run(["ip", "netns", "add", layout.net.namespace]);
  }
  await run([...enter(layout), "ip", "link", "set", "lo", "up"]);
  await attempt(["modprobe", "-a", "br_netfilter", "overlay"]);
  const settings = ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"];
  for (const setting of settings) {
    const path = `/proc/sys/${setting.replaceAll(".", "/")}`;
    await run([...enter(layout), "sh", "-c", `[ ! -e ${path} ] || echo 1 > ${path}`]);
  }
}

async function ensureLink(layout: Layout): Promise<void> {
  const { net } = layout;
  const inside = await attempt([...enter(layout), "ip", "link", "show", net.nodeLink]);
  const outside = await attempt(["ip", "link", "show", net.hostLink]);
  if (inside.code !== 0 || outside.code !== 0) {
    await refuseTakenAddresses();
    await attempt(["ip", "link", "del", net.hostLink]);
    await run(["ip", "link", "add", net.hostLink, "type", "veth", "peer", "name", net.nodeLink, "netns", net.namespace]);
  }
  await run(["ip", "addr", "replace", `${net.host}/24`, "dev", net.hostLink]);
  await run(["ip", "link", "set", net.hostLink, "up"]);
  await run([...enter(layout), "ip", "addr", "replace", `${net.node}/24`, "dev", net.nodeLink]);
  await run([...enter(layout), "ip", "link", "set", net.nodeLink, "up"]);
  await run([...enter(layout), "ip", "route", "replace", "default", "via", net.host]);
  for (const range of [net.pods, net.services]) await run(["ip", "route", "replace", range, "via", net.node, "dev", net.hostLink]);
}

async function refuseTakenAddresses(): Promise<void> {
  const routes = await run(["ip", "-4", "route", "show", "root", allAddresses]);
  const foreign = routes.split("\n").filter((line) => line && !/ dev davit[0-7]\b/.test(line));
  if (foreign.length > 0)
    throw new ClusterError(`this machine already uses ${allAddresses} (${foreign[0]?.trim()}): use a cluster of your own with --context NAME`);
}

/** Pods reach package registries as this machine does: forwarded and masqueraded, by rules in a chain of our own. */
async function ensureWayOut(net: Network): Promise<void> {
  const outwards = [net.nodes, net.pods].map((range) => ["-s", range, "!", "-d", allAddresses, "-j", "MASQUERADE"]);
  await ensureChain(net.chain, "nat", "POSTROUTING", outwards);
  const forward = await run(["iptables", "-w", "-S", "FORWARD"]);
  if (forward.startsWith("-P FORWARD DROP")) {
    await ensureChain(net.chain, "filter", "FORWARD", [
      ["-i", net.hostLink, "-j", "ACCEPT"],
      ["-o", net.hostLink, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
    ]);
  }
  if ((await readFile("/proc/sys/net/ipv4/ip_forward", "utf8")).trim() === "1") return;
  // Only for the interfaces concerned, and not for the whole machine: others may rely on it being off.
  for (const device of [net.hostLink, ...(await defaultDevices())]) await writeFile(forwarding(device), "1");
}

async function ensureChain(chain: string, table: string, parent: string, rules: string[][]): Promise<void> {
  const iptables = ["iptables", "-w", "-t", table];
  await attempt([...iptables, "-N", chain]);
  await run([...iptables, "-F", chain]);
  for (const rule of rules) await run([...iptables, "-A", chain, ...rule]);
  if ((await attempt([...iptables, "-C", parent, "-j", chain])).code !== 0) await run([...iptables, "-I", parent, "-j", chain]);
}

const forwarding = (device: string): string => `/proc/sys/net/ipv4/conf/${device}/forwarding`;

async function defaultDevices(): Promise<string[]> {
  const routes = await run(["ip", "-4", "route", "show", "default"]);
  return [...new Set([...routes.matchAll(/ dev (\S+)/g)].flatMap((match) => match[1] ?? []))];
}

/** The default route's interfaces that do not forward now. */
export async function quietDevices(): Promise<string[]> {
  const devices = await defaultDevices();
  const states = await Promise.all(devices.map(async (device) => (await readFile(forwarding(device), "utf8")).trim()));
  return devices.filter((_, index) => states[index] === "0");
}

export async function removeNode(layout: Layout): Promise<void> {
  for (const [table, parent] of [
    ["nat", "POSTROUTING"],
    ["filter", "FORWARD"],
  ] as const)
    await removeChain(layout.net.chain, table, parent);
  // Deleting the link takes the routes and its forwarding along.
  await attempt(["ip", "link", "del", layout.net.hostLink]);
  await removeNamespace(layout);
}

export async function quieten(devices: readonly string[]): Promise<void> {
  const global = await readFile("/proc/sys/net/ipv4/ip_forward", "utf8");
  // Somebody turned it on for the machine since: then it is theirs.
  if (global.trim() === "1") return;
  for (const device of devices) if (existsSync(forwarding(device))) await writeFile(forwarding(device), "0");
}

async function removeChain(chain: string, table: string, parent: string): Promise<void> {
  const iptables = ["iptables", "-w", "-t", table];
  if ((await attempt([...iptables, "-S", chain])).code !== 0) return;
  while ((await attempt([...iptables, "-D", parent, "-j", chain])).code === 0);
  await run([...iptables, "-F", chain]);
  await run([...iptables, "-X", chain]);
}

async function removeNamespace(layout: Layout): Promise<void> {
  if (!existsSync(layout.netns)) return;
  await attempt(["ip", "netns", "del", layout.net.namespace]);
  while ((await attempt(["umount", layout.netns])).code === 0);
  await rm(layout.netns, { force: true });
}
