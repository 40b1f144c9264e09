import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, readlink, statfs } from "node:fs/promises";
import { join } from "node:path";
import { addonManifest, addonReady, addons, manifestHash } from "./addons.ts";
import { apply, containerdAnswers, ctr, getJson, isReady, podsRun } from "./api.ts";
import { type Built, buildAll } from "./build.ts";
import { ensureCgroup } from "./cgroups.ts";
import { configFiles, kubeconfig, type Machine, reachableResolvers } from "./config.ts";
import { ensureCrds, servedPaths } from "./crds.ts";
import { clear, strangeFolders } from "./down.ts";
import { run, waitFor } from "./exec.ts";
import { type Facts, readFacts, writeFacts } from "./facts.ts";
import { ClusterError } from "./fail.ts";
import { forwarder, freePorts, type IngressPorts, portIsFree } from "./forward.ts";
import { mirrorImages, nodeImages } from "./images.ts";
import { clusterName, DEFAULT_CLUSTER, type Layout, layoutOf } from "./layout.ts";
import { mirrorAnswers, publish } from "./mirror.ts";
import { ensureNode, quietDevices } from "./node.ts";
import { type Archive, ensureArchive } from "./oci.ts";
import { ensurePki } from "./pki.ts";
import { assertRunning, ensureRunning, isRunning, killAll, processesIn, runsAs } from "./processes.ts";
import { type Before, clusterOf, Register } from "./register.ts";
import { servers } from "./servers.ts";
import { statusOf } from "./status.ts";
import { cniBin, ensureTools, mayRaiseOomScore } from "./tools.ts";

type Say = (line: string) => void;
/** What a cluster is made of: images, what this machine is like, and the definitions of the add-ons' custom resources. */
type Parts = { images: { node: Archive[]; mirror: Archive[] }; machine: Machine; definitions: string };

/** Tells whether all that was applied is what is wanted. */
const addonsHash = (layout: Layout, parts: Parts): string => manifestHash(parts.definitions + manifestOf(layout, parts));

const manifestOf = (layout: Layout, { machine, images }: Parts): string => addonManifest(layout, machine.resolvers, forAddons(images.node)[0]);

/** From whatever state the machine is in to a cluster that works; what runs already is left alone. */
export async function up(env: Record<string, string | undefined>, say: Say): Promise<void> {
  await ensureTools(clusterOf(env), say);
  const layout = layoutOf(env, await new Register().enter(clusterName(env), machineBefore));
  const built = await buildAll(layout, say);
  const definitions = await ensureCrds(layout, say);
  const images = await makeArchives(layout, built, say);
  const machine = await inspectMachine(layout, say);
  const parts: Parts = { images, machine, definitions };
  await configure(layout, machine);
  if (await runsAsConfigured(layout, parts)) {
    await importImages(layout, images.node, say);
    return say("already running");
  }
  await ensureNetwork(layout);
  await startDatabase(layout, machine, say);
  await startNode(layout, parts, say);
  await waitUntilReady(layout, say);
}

async function machineBefore(): Promise<Before> {
  return { quietDevices: await quietDevices(), strangeFolders: strangeFolders.filter((folder) => !existsSync(folder)) };
}

async function makeArchives(layout: Layout, built: Built[], say: Say): Promise<{ node: Archive[]; mirror: Archive[] }> {
  const archives: Archive[] = [];
  const node = await nodeImages(built);
  for (const spec of [...node, ...(await mirrorImages())]) archives.push(await ensureArchive(layout, spec, say));
  return { node: archives.slice(0, node.length), mirror: archives.slice(node.length) };
}

async function inspectMachine(layout: Layout, say: Say): Promise<Machine> {
  await mkdir(layout.state, { recursive: true });
  const overlay = 0x794c7630;
  const resolvers = reachableResolvers(resolvConf());
  if (resolvers.length === 0)
    say("no name server in /etc/resolv.conf that Pods can reach (loopback ones they cannot): builds in the cluster will not resolve public names");
  return {
    runc: Bun.which("runc") ?? "/usr/sbin/runc",
    cniBin: cniBin(),
    mayRaiseOomScore: mayRaiseOomScore(),
    // Overlays do not lie on overlays, which is what this machine has when it is itself a container.
    snapshotter: (await statfs(layout.state)).type === overlay ? "native" : "overlayfs",
    resolvers,
  };
}

/** systemd-resolved writes the resolvers behind its own loopback one to a second file. */
function resolvConf(): string {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const usual = read("/etc/resolv.conf");
  return reachableResolvers(usual).length > 0 ? usual : read("/run/systemd/resolve/resolv.conf");
}

/** Every file that the servers read. */
async function configure(layout: Layout, machine: Machine): Promise<void> {
  await noteFacts(layout);
  for (const folder of [layout.config, layout.cni, layout.certsD, layout.volumes, layout.logs]) await mkdir(folder, { recursive: true });
  await ensurePki(layout);
  for (const { path, text, mode } of configFiles(layout, machine)) await write(path, text, mode);
  for (const user of ["kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"])
    await writeKubeconfig(layout, user, join(layout.config, `${user}.conf`));
  await writeKubeconfig(layout, "admin", layout.kubeconfig);
}

async function noteFacts(layout: Layout): Promise<void> {
  const register = new Register();
  await register.exclusively(async () => {
    const facts = await readFacts(layout);
    const ingress = facts && (await isRunning(layout, "davit-forward")) ? facts.ingress : await unusedPorts(layout, register);
    await writeFacts(layout, { ...facts, ingress });
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
  const wanted = [...Object.values(servers(layout, process.env)), forwarder(layout, facts.ingress)];
  const current = await Promise.all(wanted.map((server) => runsAs(layout, server)));
  return current.every(Boolean) && (await statusOf(layout)).running;
}

async function ensureNetwork(layout: Layout): Promise<void> {
  await ensureCgroup(layout);
  await ensureNode(layout);
  await endStrays(layout);
}

async function writeKubeconfig(layout: Layout, user: string, path: string): Promise<void> {
  const pem = (file: string): string => readFileSync(join(layout.pki, file), "utf8");
  await write(path, kubeconfig(layout, user, { ca: pem("ca.crt"), certificate: pem(`${user}.crt`), key: pem(`${user}.key`) }), 0o600);
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await Bun.write(path, text, { mode });
  await chmod(path, mode);
}

/** Servers whose record was lost would hold their ports and files against new ones. */
async function endStrays(layout: Layout): Promise<void> {
  const recorded = await Promise.all(Object.values(servers(layout, {})).map((server) => isRunning(layout, server.name)));
  const strays: number[] = [];
  for (const pid of await processesIn(layout.netns)) {
    const program = await readlink(`/proc/${pid}/exe`).catch(() => "");
    // Not the shims: their containers go on, and containerd finds them again.
    if (program.startsWith(`${layout.cache}/`) && !program.includes("/containerd-shim") && !recorded.includes(pid)) strays.push(pid);
  }
  await killAll(strays);
}

/** etcd and the API server. Data that etcd cannot read is of no use to anybody: then everything starts afresh. */
async function startDatabase(layout: Layout, machine: Machine, say: Say): Promise<void> {
  try {
    await startApi(layout);
  } catch (error) {
    if (!(error instanceof ClusterError) || (await isRunning(layout, "etcd"))) throw error;
    say("the cluster's database is damaged (a power cut, or a full disk?): starting with an empty cluster");
    await clear(layout);
    await configure(layout, machine);
    await ensureNetwork(layout);
    await startApi(layout);
  }
}

async function startApi(layout: Layout): Promise<void> {
  const { etcd, apiserver, containerd, mirror } = servers(layout, process.env);
  for (const server of [etcd, apiserver, containerd, mirror]) await ensureRunning(layout, server);
  await waitFor("the API server's start", 60, async () => {
    if (await isReady(layout)) return true;
    for (const server of [etcd, apiserver]) await assertRunning(layout, server.name);
    return undefined;
  });
}

async function startNode(layout: Layout, parts: Parts, say: Say): Promise<void> {
  const { controllers, scheduler, containerd, kubelet, proxy } = servers(layout, process.env);
  await waitFor("containerd's start", 30, async () => {
    if (await containerdAnswers(layout)) return true;
    await assertRunning(layout, containerd.name);
    return undefined;
  });
  for (const server of [kubelet, controllers, scheduler, proxy]) await ensureRunning(layout, server);
  await ensureRunning(layout, forwarder(layout, (await factsOf(layout)).ingress));
  // Before their Pods: a Pod that does not find its image waits 10 s for the next try.
  const [first, later] = forAddons(parts.images.node);
  await importImages(layout, first, say);
  await applyAddons(layout, parts);
  await importImages(layout, later, say);
  await waitFor("the image mirror's start", 20, async () => ((await mirrorAnswers(layout)) ? true : undefined));
  for (const archive of parts.images.mirror) await publish(layout, archive);
}

/** The images that the node's own Pods need, and the rest. */
function forAddons(images: readonly Archive[]): [Archive[], Archive[]] {
  const needed = ["pause", "busybox", ...addons.map((addon) => addon.name)].map((name) => `lab.local/${name}:1`);
  return [images.filter(({ reference }) => needed.includes(reference)), images.filter(({ reference }) => !needed.includes(reference))];
}

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

async function importImages(layout: Layout, archives: readonly Archive[], say: Say): Promise<void> {
  const present = await run(ctr(layout, "images", "ls"));
  const missing = archives.filter(
    ({ reference, digest }) => !present.split("\n").some((line) => line.startsWith(`${reference} `) && line.includes(digest)),
  );
  if (missing.length > 0) say(`images: ${missing.map((archive) => archive.reference).join(" ")}`);
  for (const archive of missing) await run(ctr(layout, "images", "import", archive.path));
}

async function waitUntilReady(layout: Layout, say: Say): Promise<void> {
  say(`waiting for ${addons.map((addon) => addon.name).join(", ")}`);
  await waitFor("the node's start", 120, async () => {
    const ready = await Promise.all(addons.map((addon) => addonReady(layout, addon)));
    return ready.every(Boolean) && (await podsRun(layout)) && (await statusOf(layout)).running ? true : undefined;
  });
}
