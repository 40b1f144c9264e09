import { rm } from "node:fs/promises";
import { join } from "node:path";
import { addons } from "./addons.ts";
import { containerdAnswers, ctr, kubectl } from "./api.ts";
import { removeNode } from "./down.ts";
import { attempt, run, waitFor } from "./exec.ts";
import { type Layout, type Node, nodeOf } from "./layout.ts";
import type { Archive } from "./oci.ts";
import { assertRunning, ensureRunning } from "./processes.ts";
import { nodeServers } from "./servers.ts";

type Say = (line: string) => void;

/** Starts what makes a node of it. The images are there before it can get Pods: one that does not find its image waits 10 s for the next try. */
export async function startNode(layout: Layout, node: Node, images: readonly Archive[], say: Say): Promise<void> {
  const { containerd, kubelet, proxy } = nodeServers(layout, node, process.env);
  await ensureRunning(layout, containerd);
  await waitFor("containerd's start", 30, async () => {
    if (await containerdAnswers(layout, node)) return true;
    await assertRunning(layout, containerd.name);
    return undefined;
  });
  await importImages(layout, node, images, say);
  if (node.number > 1) await copyLoaded(layout, nodeOf(layout, 1), node);
  for (const server of [kubelet, proxy]) await ensureRunning(layout, server);
}

/** Takes a node off as its administrator would: what runs on it goes elsewhere if it can, and then all of it goes. */
export async function leaveCluster(layout: Layout, node: Node, say: Say): Promise<void> {
  say(`${node.name} leaves`);
  const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--grace-period=5", "--timeout=30s"];
  // A cluster that does not answer has nobody to move.
  await attempt(kubectl(layout, "drain", node.name, ...flags));
  await removeNode(node);
  await attempt(kubectl(layout, "delete", "node", node.name, "--ignore-not-found"));
  // Nobody is left to say that these have ended.
  const pods = ["--all-namespaces", `--field-selector=spec.nodeName=${node.name}`, "--force", "--grace-period=0"];
  await attempt(kubectl(layout, "delete", "pods", ...pods));
}

/** Images that were loaded exist nowhere else: a node that joins would look for them in vain. What has a digest in its name was pulled. */
async function copyLoaded(layout: Layout, from: Node, to: Node): Promise<void> {
  const names = async (node: Node): Promise<string[]> => (await run(ctr(layout, node, "images", "ls", "-q"))).trim().split("\n");
  const present = await names(to);
  const missing = (await names(from)).filter((name) => /^[^@]+:[^@/]+$/.test(name) && !name.startsWith("sha256:") && !present.includes(name));
  if (missing.length === 0) return;
  const archive = join(to.folder, "loaded.tar");
  await run(ctr(layout, from, "images", "export", archive, ...missing));
  await run(ctr(layout, to, "images", "import", "--local", archive));
  await rm(archive);
}

/** The images that the add-ons' Pods need, and the rest. */
export function forAddons(images: readonly Archive[]): [Archive[], Archive[]] {
  const needed = ["pause", "busybox", ...addons.map((addon) => addon.name)].map((name) => `lab.local/${name}:1`);
  return [images.filter(({ reference }) => needed.includes(reference)), images.filter(({ reference }) => !needed.includes(reference))];
}

export async function importImages(layout: Layout, node: Node, archives: readonly Archive[], say: Say): Promise<void> {
  const present = await run(ctr(layout, node, "images", "ls"));
  const missing = archives.filter(
    ({ reference, digest }) => !present.split("\n").some((line) => line.startsWith(`${reference} `) && line.includes(digest)),
  );
  if (missing.length > 0) say(`images for ${node.name}: ${missing.map((archive) => archive.reference).join(" ")}`);
  for (const archive of missing) await run(ctr(layout, node, "images", "import", archive.path));
}
