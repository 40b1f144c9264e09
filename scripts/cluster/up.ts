import { chmod, mkdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { addonManifest, addonReady, addons, manifestHash } from "./addons.ts";
import { apply, getJson, isReady, podsRun } from "./api.ts";
import { type Built, buildAll } from "./build.ts";
import { ensureCgroup } from "./cgroups.ts";
import { configFiles, kubeconfig, type Machine, nodeFiles } from "./config.ts";
import { ensureCrds, servedPaths } from "./crds.ts";
import { clear } from "./down.ts";
import { waitFor } from "./exec.ts";
import { type Facts, knownNodes, readFacts, writeFacts } from "./facts.ts";
import { ClusterError } from "./fail.ts";
import { forwarder, freePorts, type IngressPorts, portIsFree } from "./forward.ts";
import { mirrorImages, nodeImages } from "./images.ts";
import { clusterName, DEFAULT_CLUSTER, type Layout, layoutOf, type Node, nodesOf } from "./layout.ts";
import { inspectMachine, machineBefore, raiseWatchLimit } from "./machine.ts";
import { mirrorAnswers, publish } from "./mirror.ts";
import { ensureNetwork } from "./network.ts";
import { forAddons, importImages, leaveCluster, startNode } from "./nodes.ts";
import { type Archive, ensureArchive } from "./oci.ts";
import { ensurePki } from "./pki.ts";
import { assertRunning, ensureRunning, isRunning, killAll, processesIn, runsAs } from "./processes.ts";
import { clusterOf, Register } from "./register.ts";
import { allServers, controlPlane, nodeServers } from "./servers.ts";
import { statusOf } from "./status.ts";
import { ensureTools } from "./tools.ts";

type Say = (line: string) => void;

/** What a cluster is made of: its nodes, images, what this machine is like, and the definitions of the add-ons' custom resources. */
type Parts = { nodes: Node[]; images: { node: Archive[]; mirror: Archive[] }; machine: Machine; definitions: string };

/**
 * From whatever state the machine is in to a cluster that works; what runs already is left alone. Nodes join or leave until
 * there are `wanted` of them; when nothing is said there stay as many as there are.
 */
export async function up(env: Record<string, string | undefined>, wanted: number | undefined, say: Say): Promise<void> {
  await ensureTools(clusterOf(env), say);
  const layout = layoutOf(env, await new Register().enter(clusterName(env), machineBefore));
  await raiseWatchLimit();
  const built = await buildAll(layout, say);
  const definitions = await ensureCrds(layout, say);
  const images = await makeArchives(layout, built, say);
  const present = await knownNodes(layout);
  const nodes = nodesOf(layout, wanted ?? present.length);
  const parts: Parts = { nodes, images, machine: await inspectMachine(layout, say), definitions };
  for (const node of present.slice(nodes.length).reverse()) await leaveCluster(layout, node, say);
  await configure(layout, parts);
  if (await runsAsConfigured(layout, parts)) {
    for (const node of nodes) await importImages(layout, node, images.node, say);
    return say("already running");
  }
  await prepareNodes(layout, nodes);
  await startDatabase(layout, parts, say);
  await startNodes(layout, parts, say);
  await waitUntilReady(layout, nodes, say);
}

async function makeArchives(layout: Layout, built: Built[], say: Say): Promise<{ node: Archive[]; mirror: Archive[] }> {
  const archives: Archive[] = [];
  const node = await nodeImages(built);
  for (const spec of [...node, ...(await mirrorImages())]) archives.push(await ensureArchive(layout, spec, say));
  return { node: archives.slice(0, node.length), mirror: archives.slice(node.length) };
}

/** Every file that the servers read. */
async function configure(layout: Layout, { nodes, machine }: Parts): Promise<void> {
  await noteFacts(layout, nodes.length);
  await mkdir(layout.logs, { recursive: true });
  await ensurePki(layout, nodes);
  const files = [...configFiles(layout, machine), ...nodes.flatMap((node) => nodeFiles(layout, node, machine))];
  for (const { path, text, mode } of files) await write(path, text, mode);
  for (const { volumes } of nodes) await mkdir(volumes, { recursive: true });
  const users = ["kube-controller-manager", "kube-scheduler", "kube-proxy"].map((user) => [user, layout.config, user] as const);
  const kubelets = nodes.map(({ suffix, config }) => [`kubelet${suffix}`, config, "kubelet"] as const);
  for (const [user, folder, name] of [...users, ...kubelets]) await writeKubeconfig(layout, user, join(folder, `${name}.conf`));
  await writeKubeconfig(layout, "admin", layout.kubeconfig);
}

async function noteFacts(layout: Layout, nodes: number): Promise<void> {
  const register = new Register();
  await register.exclusively(async () => {
    const facts = await readFacts(layout);
    const ingress = facts && (await isRunning(layout, "davit-forward")) ? facts.ingress : await unusedPorts(layout, register);
    await writeFacts(layout, { ...facts, ingress, nodes });
  });
}

/** Another cluster's ports are not free, even while it does not listen on them. The usual ones are for the cluster without a name. */
async function unusedPorts(layout: Layout, register: Register): Promise<IngressPorts> {
  const others = [...register.clusters()].filter(([, cluster]) => cluster !== layout.cluster);
  const facts = await Promise.all(others.map(([share, DAVIT_CLUSTER]) => readFacts(layoutOf({ DAVIT_CLUSTER }, share))));
  const taken = facts.flatMap((other) => (other ? [other.ingress.http, other.ingress.https] : []));
  return freePorts(layout.cluster === DEFAULT_CLUSTER, (port) => !taken.includes(port) && portIsFree(port));
}

async function runsAsConfigured(layout: Layout, parts: Parts): Promise<boolean> {
  const facts = await readFacts(layout);
  if (!facts || facts.addons !== addonsHash(layout, parts)) return false;
  const wanted = [...allServers(layout, parts.nodes, process.env), forwarder(layout, facts.ingress)];
  const current = await Promise.all(wanted.map((server) => runsAs(layout, server)));
  return current.every(Boolean) && (await statusOf(layout)).running;
}

async function prepareNodes(layout: Layout, nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) await ensureCgroup(node);
  await ensureNetwork(layout, nodes);
  await endStrays(layout, nodes);
}

async function writeKubeconfig(layout: Layout, user: string, path: string): Promise<void> {
  const pem = (file: string): Promise<string> => Bun.file(join(layout.pki, file)).text();
  const [ca, certificate, key] = await Promise.all(["ca.crt", `${user}.crt`, `${user}.key`].map(pem));
  await write(path, kubeconfig(layout, user, { ca: ca ?? "", certificate: certificate ?? "", key: key ?? "" }), 0o600);
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await Bun.write(path, text, { mode });
  await chmod(path, mode);
}

/** Servers whose record was lost would hold their ports and files against new ones. */
async function endStrays(layout: Layout, nodes: readonly Node[]): Promise<void> {
  const recorded = await Promise.all(allServers(layout, nodes, {}).map((server) => isRunning(layout, server.name)));
  const strays: number[] = [];
  for (const pid of (await Promise.all(nodes.map(({ netns }) => processesIn(netns)))).flat()) {
    const program = await readlink(`/proc/${pid}/exe`).catch(() => "");
    // Not the shims: their containers go on, and containerd finds them again.
    if (program.startsWith(`${layout.cache}/`) && !program.includes("/containerd-shim") && !recorded.includes(pid)) strays.push(pid);
  }
  await killAll(strays);
}

/** etcd and the API server. Data that etcd cannot read is of no use to anybody: then everything starts afresh. */
async function startDatabase(layout: Layout, parts: Parts, say: Say): Promise<void> {
  try {
    await startApi(layout, parts.nodes);
  } catch (error) {
    if (!(error instanceof ClusterError) || (await isRunning(layout, "etcd"))) throw error;
    say("the cluster's database is damaged (a power cut, or a full disk?): starting with an empty cluster");
    await clear(layout);
    await configure(layout, parts);
    await prepareNodes(layout, parts.nodes);
    await startApi(layout, parts.nodes);
  }
}

async function startApi(layout: Layout, nodes: readonly Node[]): Promise<void> {
  const { etcd, apiserver, mirror } = controlPlane(layout);
  // containerd takes as long, so it starts meanwhile.
  const containerds = nodes.map((node) => nodeServers(layout, node, process.env).containerd);
  for (const server of [etcd, apiserver, ...containerds, mirror]) await ensureRunning(layout, server);
  await waitFor("the API server's start", 60, async () => {
    if (await isReady(layout)) return true;
    for (const server of [etcd, apiserver]) await assertRunning(layout, server.name);
    return undefined;
  });
}

async function startNodes(layout: Layout, parts: Parts, say: Say): Promise<void> {
  const { controllers, scheduler } = controlPlane(layout);
  const { ingress } = await factsOf(layout);
  for (const server of [controllers, scheduler, forwarder(layout, ingress)]) await ensureRunning(layout, server);
  const [first, later] = forAddons(parts.images.node);
  // One after the other: those that join get what was loaded on the first one.
  for (const node of parts.nodes) await startNode(layout, node, first, say);
  await applyAddons(layout, parts);
  await Promise.all(parts.nodes.map((node) => importImages(layout, node, later, say)));
  await waitFor("the image mirror's start", 20, async () => ((await mirrorAnswers(layout)) ? true : undefined));
  for (const archive of parts.images.mirror) await publish(layout, archive);
}

/** Tells whether all that was applied is what is wanted. */
const addonsHash = (layout: Layout, parts: Parts): string => manifestHash(parts.definitions + manifestOf(layout, parts));

const manifestOf = (layout: Layout, { machine, images }: Parts): string => addonManifest(layout, machine.resolvers, forAddons(images.node)[0]);

async function applyAddons(layout: Layout, parts: Parts): Promise<void> {
  await apply(layout, parts.definitions);
  await waitFor("the start of the add-ons' APIs", 30, async () => {
    const served = await Promise.all(servedPaths(parts.definitions).map((path) => getJson(layout, `${path}?limit=1`)));
    return served.every(Boolean) || undefined;
  });
  await apply(layout, manifestOf(layout, parts));
  await writeFacts(layout, { ...(await factsOf(layout)), addons: addonsHash(layout, parts) });
}

async function factsOf(layout: Layout): Promise<Facts> {
  const facts = await readFacts(layout);
  if (!facts) throw new ClusterError(`${layout.facts} has gone while up was running: was a down started beside it? run up again`);
  return facts;
}

async function waitUntilReady(layout: Layout, nodes: readonly Node[], say: Say): Promise<void> {
  say(`waiting for ${addons.map((addon) => addon.name).join(", ")}`);
  await waitFor("the start of the nodes", 120, async () => {
    const ready = await Promise.all(addons.map((addon) => addonReady(layout, addon)));
    return ready.every(Boolean) && (await podsRun(layout, nodes)) && (await statusOf(layout)).running ? true : undefined;
  });
}
