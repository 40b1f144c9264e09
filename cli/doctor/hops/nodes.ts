import type { NodeFacts } from "../../install/certs-dirs.ts";
import { componentsOf } from "../../install/components.ts";
import { trustFiles } from "../../install/trust-files.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem, warning } from "../finding.ts";
import { readTrust } from "../trust.ts";
import { peerFacts } from "./inside.ts";

/** So many nodes pull at the same time. */
const AT_ONCE = 25;

type Node = NodeFacts & { status?: { conditions?: { type: string; status: string }[] } };

/** From each node's kubelet to the registry: an image that no node has seen is pulled. */
export async function lookAtNodes(world: World): Promise<Finding[]> {
  const { kube, probes, signal } = world;
  const [{ digest, peer }, nodes] = await Promise.all([probes.image(), kube.list<Node>({ apiVersion: "v1", kind: "Node" }, { signal })]);
  if (!digest) return [warning("not tried: no image could be pushed", "see build-registry first")];
  const facts = peerFacts(probes.registry.name, peer);
  const findings: Finding[] = [];
  const linux = nodes.filter(({ status }) => (status?.nodeInfo?.operatingSystem ?? "linux") === "linux");
  for (let at = 0; at < linux.length; at += AT_ONCE)
    findings.push(
      ...(await Promise.all(linux.slice(at, at + AT_ONCE).map(async (node) => ({ ...facts, ...(await lookAtNode(world, node, digest)) })))),
    );
  return findings;
}

async function lookAtNode(world: World, node: Node, digest: string): Promise<Finding> {
  const name = node.metadata?.name ?? "";
  if (!isReady(node)) return warning("not tried: the node is not ready", `see \`kubectl describe node ${name}\``, { node: name });
  const complaint = await world.probes.pull(name, digest);
  if (complaint === undefined) return ok("an image was pulled", { node: name });
  return pullVerdict(name, complaint, { files: await filesOf(world, node), byDaemonSet: componentsOf(world.options).includes("node-trust") });
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** The files by which this node should be told of the registry. */
async function filesOf({ kube, options }: World, node: Node): Promise<string[]> {
  const registry = await readTrust(kube, options);
  return registry ? trustFiles([node], registry, options.certsDirs).flatMap(({ files }) => files.map(({ path }) => path)) : [];
}

/** What kubelet may say, and what it means; the first that fits. Without a fix of its own, it is that of the node's files. */
const CAUSES: readonly { says: RegExp; what: string; fix?: string }[] = [
  { says: /certificate has expired/, what: "the registry's certificate has ended", fix: "`davit install` renews it" },
  { says: /x509|certificate|tls:/i, what: "the node does not trust the registry's certificate" },
  { says: /no such host|server misbehaving|name resolution/, what: "the node does not know where the registry is" },
  {
    says: /insufficient_scope|unauthorized|denied|40[13]/i,
    what: "the registry refuses what the node pulls with",
    fix: "see `kubectl -n davit logs deployment/registry -c gate`",
  },
  {
    says: /refused|timeout|deadline|no route|unreachable/i,
    what: "the node does not reach the registry",
    fix: "see whether kube-proxy, or what stands for it, runs on the node, and that a firewall lets the node reach Services",
  },
];

/** How a node is told of the registry. */
interface Telling {
  files: readonly string[];
  byDaemonSet: boolean;
}

/** What kubelet's complaint means. */
export function pullVerdict(node: string, complaint: string, { files, byDaemonSet }: Telling): Finding {
  const cause = CAUSES.find(({ says }) => says.test(complaint));
  if (!cause) return problem(`the pull failed (${lastPart(complaint)})`, `see \`kubectl describe node ${node}\``, { node });
  const untold = `on ${node}, ${files.join(" and ")} have to say what \`davit doctor --print-trust\` prints`;
  const fix = byDaemonSet ? `${untold}; the DaemonSet davit-node/davit-node-trust sees to that, but never writes over somebody else's file` : untold;
  return problem(`${cause.what} (${lastPart(complaint)})`, cause.fix ?? fix, { node });
}

/** containerd's errors begin with the image's name, three times over. */
function lastPart(complaint: string): string {
  return complaint.length > 200 ? `…${complaint.slice(-200)}` : complaint;
}
