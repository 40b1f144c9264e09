import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureChain, removeChain } from "./chains.ts";
import { attempt, run } from "./exec.ts";
import { ClusterError } from "./fail.ts";
import { allAddresses, type Layout, type Node, nodeOf } from "./layout.ts";

const nodeLink = "node0";

/** What comes before a command that runs on the node: its network, and its view of the files if it has one. */
export const onNode = (node: Node): string[] => ["nsenter", `--net=${node.netns}`, ...(node.view ? [`--mount=${viewFile(node.view)}`] : [])];

/** The networks of the nodes: for each a namespace, a link to it, routes to its Pods, and for all a way out to the internet. */
export async function ensureNetwork(layout: Layout, nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    await ensureNamespace(node);
    if (node.view) await ensureView(layout, node, node.view);
    await ensureLink(layout, node);
    // What leaves the cluster comes from the node. Between Pods the sender is seen, on whatever nodes they are.
    const outwards = [["-s", layout.net.pods, "!", "-d", layout.net.pods, "-j", "MASQUERADE"]];
    await ensureChain({ name: "DAVIT-NODE", table: "nat", parent: "POSTROUTING", enter: inNetwork(node) }, outwards);
  }
  await ensureWayOut(layout, nodes);
}

const inNetwork = (node: Node): string[] => ["nsenter", `--net=${node.netns}`];

async function ensureNamespace(node: Node): Promise<void> {
  const enter = inNetwork(node);
  if ((await attempt([...enter, "true"])).code !== 0) {
    // A file that is no namespace (any more): left by something killed half-way.
    await removeNamespace(node);
    await run(["ip", "netns", "add", node.namespace]);
  }
  await run([...enter, "ip", "link", "set", "lo", "up"]);
  await attempt(["modprobe", "-a", "br_netfilter", "overlay"]);
  const settings = ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"];
  for (const setting of settings) {
    const path = `/proc/sys/${setting.replaceAll(".", "/")}`;
    await run([...enter, "sh", "-c", `[ ! -e ${path} ] || echo 1 > ${path}`]);
  }
}

const viewFile = (view: string): string => join(view, "mounts");

/**
 * A mount namespace in which the node's own folders lie where the first node has its: what a Pod writes to a path of its
 * node, such as whom containerd trusts, is then on that node only, as on machines of their own.
 */
async function ensureView(layout: Layout, node: Node, view: string): Promise<void> {
  if ((await attempt(["nsenter", `--mount=${viewFile(view)}`, "true"])).code === 0) return;
  const first = nodeOf(layout, 1);
  for (const folder of [view, node.certsD, node.volumes]) await mkdir(folder, { recursive: true });
  while ((await attempt(["umount", viewFile(view)])).code === 0);
  // The kernel holds a mount namespace only by a file on a mount that it tells nobody else of.
  if ((await attempt(["mountpoint", "-q", view])).code !== 0) await run(["mount", "--bind", view, view]);
  await run(["mount", "--make-private", view]);
  await writeFile(viewFile(view), "");
  const binds = [`mount --bind ${node.certsD} ${first.certsD}`, `mount --bind ${node.volumes} ${first.volumes}`];
  await run(["unshare", `--mount=${viewFile(view)}`, "--propagation=private", "sh", "-c", binds.join(" && ")]);
}

async function ensureLink(layout: Layout, node: Node): Promise<void> {
  const enter = inNetwork(node);
  const inside = await attempt([...enter, "ip", "link", "show", nodeLink]);
  const outside = await attempt(["ip", "link", "show", node.hostLink]);
  if (inside.code !== 0 || outside.code !== 0) {
    await refuseTakenAddresses();
    await attempt(["ip", "link", "del", node.hostLink]);
    await run(["ip", "link", "add", node.hostLink, "type", "veth", "peer", "name", nodeLink, "netns", node.namespace]);
  }
  await run(["ip", "addr", "replace", `${node.host}/24`, "dev", node.hostLink]);
  await run(["ip", "link", "set", node.hostLink, "up"]);
  await run([...enter, "ip", "addr", "replace", `${node.address}/24`, "dev", nodeLink]);
  await run([...enter, "ip", "link", "set", nodeLink, "up"]);
  await run([...enter, "ip", "route", "replace", "default", "via", node.host]);
  const ranges = node.number === 1 ? [node.pods, layout.net.services] : [node.pods];
  for (const range of ranges) await run(["ip", "route", "replace", range, "via", node.address, "dev", node.hostLink]);
}

async function refuseTakenAddresses(): Promise<void> {
  const routes = await run(["ip", "-4", "route", "show", "root", allAddresses]);
  const foreign = routes.split("\n").filter((line) => line && !/ dev davit[0-7](-\d)?\b/.test(line));
  if (foreign.length > 0)
    throw new ClusterError(`this machine already uses ${allAddresses} (${foreign[0]?.trim()}): use a cluster of your own with --context NAME`);
}

/** Pods reach package registries as this machine does, and nodes each other: forwarded and masqueraded, by rules in a chain of our own. */
async function ensureWayOut({ net }: Layout, nodes: readonly Node[]): Promise<void> {
  const outwards = [...nodes.map(({ range }) => range), net.pods].map((range) => ["-s", range, "!", "-d", allAddresses, "-j", "MASQUERADE"]);
  await ensureChain({ name: net.chain, table: "nat", parent: "POSTROUTING" }, outwards);
  const forward = await run(["iptables", "-w", "-S", "FORWARD"]);
  if (forward.startsWith("-P FORWARD DROP")) {
    const both = nodes.flatMap(({ hostLink }) => [
      ["-i", hostLink, "-j", "ACCEPT"],
      ["-o", hostLink, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
    ]);
    await ensureChain({ name: net.chain, table: "filter", parent: "FORWARD" }, both);
  }
  if ((await readFile("/proc/sys/net/ipv4/ip_forward", "utf8")).trim() === "1") return;
  // Only for the interfaces concerned, and not for the whole machine: others may rely on it being off.
  for (const device of [...nodes.map(({ hostLink }) => hostLink), ...(await defaultDevices())]) await writeFile(forwarding(device), "1");
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

export async function quieten(devices: readonly string[]): Promise<void> {
  const global = await readFile("/proc/sys/net/ipv4/ip_forward", "utf8");
  // Somebody turned it on for the machine since: then it is theirs.
  if (global.trim() === "1") return;
  for (const device of devices) if (existsSync(forwarding(device))) await writeFile(forwarding(device), "0");
}

/** Deleting the link takes its routes and its forwarding along. */
export async function removeLink(node: Node): Promise<void> {
  await attempt(["ip", "link", "del", node.hostLink]);
  await removeNamespace(node);
}

export async function removeWayOut({ net }: Layout): Promise<void> {
  await removeChain({ name: net.chain, table: "nat", parent: "POSTROUTING" });
  await removeChain({ name: net.chain, table: "filter", parent: "FORWARD" });
}

async function removeNamespace(node: Node): Promise<void> {
  if (!existsSync(node.netns)) return;
  await attempt(["ip", "netns", "del", node.namespace]);
  while ((await attempt(["umount", node.netns])).code === 0);
  await rm(node.netns, { force: true });
}
