import { type Kube, refOf } from "#shared/kube/client";
import type { KubeObject, V1Namespace, V1NetworkPolicy } from "#shared/kube/objects";
import { nameOf } from "../../install/apply.ts";
import { foundation } from "../../install/plan.ts";
import { podCidrsOf } from "../../install/pod-cidrs.ts";
import type { World } from "../check.ts";
import { differences } from "../difference.ts";
import { type Finding, ok, problem, warning } from "../finding.ts";
import { describeRight, type Role, rightsOf } from "../rights.ts";

const INSTALL = "`davit install` puts it right";
const ENFORCE = "pod-security.kubernetes.io/enforce";

/** Of an object that install applies, what there is of it in the cluster. */
interface Pair {
  wanted: KubeObject;
  present: KubeObject | undefined;
}

/** What install applies of these kinds, with what the cluster has. */
async function pairs({ kube, options, plan, signal }: World, kinds: readonly string[], podCidrs: readonly string[] = []): Promise<Pair[]> {
  const wanted = foundation(options, podCidrs, plan).filter(({ kind = "" }) => kinds.includes(kind));
  return await Promise.all(wanted.map(async (object) => ({ wanted: object, present: await find(kube, object, signal) })));
}

async function find(kube: Kube, object: KubeObject, signal: AbortSignal): Promise<KubeObject | undefined> {
  return await kube.get(refOf(object), signal);
}

/** Whether roles and bindings are those of this davit. */
export async function lookAtRights(world: World): Promise<Finding[]> {
  const found = (await pairs(world, ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"])).flatMap(rightsVerdict);
  return found.length > 0 ? found : [ok("roles and bindings are those of this davit")];
}

export function rightsVerdict({ wanted, present }: Pair): Finding[] {
  if (!present) return [problem(`${nameOf(wanted)} is not there`, INSTALL)];
  if (!/Role$/.test(wanted.kind ?? "")) {
    const { roleRef, subjects } = wanted as KubeObject & { roleRef: unknown; subjects: unknown };
    return differences({ roleRef, subjects }, present).length === 0 ? [] : [problem(`${nameOf(wanted)} binds somebody or something else`, INSTALL)];
  }
  const [should, has] = [wanted, present].map((role) => new Set(rightsOf(role as Role).map(describeRight)));
  const missing = [...(should ?? [])].filter((right) => !has?.has(right));
  const more = [...(has ?? [])].filter((right) => !should?.has(right));
  return [
    ...(missing.length > 0 ? [problem(`missing rights: ${missing.join("; ")}`, INSTALL)] : []),
    ...(more.length > 0 ? [warning(`more rights than davit needs: ${more.join("; ")}`, "`davit install` takes them away")] : []),
  ];
}

/** Whether the kinds are those of this davit, schemas included. */
export async function lookAtKinds(world: World): Promise<Finding[]> {
  const found = (await pairs(world, ["CustomResourceDefinition"])).flatMap(kindVerdict);
  return found.length > 0 ? found : [ok("App and Revision have the schemas of this davit")];
}

export function kindVerdict({ wanted, present }: Pair): Finding[] {
  if (!present) return [problem(`${nameOf(wanted)} is not there`, INSTALL)];
  const { spec } = wanted as KubeObject & { spec: unknown };
  const changed = differences({ spec }, present);
  return changed.length === 0 ? [] : [problem(`${nameOf(wanted)} is another than this davit's: ${changed.slice(0, 3).join(", ")}`, INSTALL)];
}

/** Whether the rules of the network are those of this davit, for the Pods' addresses as the nodes have them now. */
export async function lookAtNetworkRules(world: World): Promise<Finding[]> {
  const { kube, options, signal } = world;
  const podCidrs = podCidrsOf(await kube.list({ apiVersion: "v1", kind: "Node" }, { signal }), options.podCidrs);
  const found = (await pairs(world, ["NetworkPolicy"], podCidrs)).flatMap(networkVerdict);
  return found.length > 0 ? found : [ok("the network rules are those of this davit")];
}

/** What only the cluster has counts here: one field more opens a port, or closes it to most. */
export function networkVerdict({ wanted, present }: Pair): Finding[] {
  if (!present) return [problem(`${nameOf(wanted)} is not there`, INSTALL)];
  const [should, has] = [exceptions(wanted), exceptions(present)];
  const changed = [...new Set([...differences(should.rest, has.rest), ...differences(has.rest, should.rest)])];
  const open = should.ranges.filter((range) => !has.ranges.includes(range));
  return [
    ...(changed.length > 0 ? [problem(`${nameOf(wanted)} is another than this davit's: ${changed.slice(0, 3).join(", ")}`, INSTALL)] : []),
    ...(open.length > 0
      ? [problem(`${nameOf(wanted)} does not keep Pods from ${open.join(", ")}`, `${INSTALL}; --pod-cidr RANGE is for nodes that come and go`)]
      : []),
  ];
}

/** The ranges that a policy keeps Pods from, and the rest of it. More of them do no harm: those of nodes that have left stay until the next install. */
function exceptions(policy: V1NetworkPolicy): { ranges: string[]; rest: { spec: V1NetworkPolicy["spec"] } } {
  const spec = structuredClone(policy.spec);
  const { ingress = [], egress = [] } = spec ?? {};
  for (const port of [...ingress, ...egress].flatMap(({ ports = [] }) => ports)) port.protocol ??= "TCP";
  const blocks = egress.flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? []));
  const ranges = blocks.flatMap(({ except = [] }) => except);
  for (const block of blocks) delete block.except;
  return { ranges, rest: { spec } };
}

/** Whether davit's namespaces are under the levels of Pod Security that their Pods can be under. */
export async function lookAtPodSecurity(world: World): Promise<Finding[]> {
  const found = (await pairs(world, ["Namespace"])).flatMap(podSecurityVerdict);
  return found.length > 0 ? found : [ok("each namespace enforces its level")];
}

export function podSecurityVerdict({ wanted, present }: Pair): Finding[] {
  if (!present) return [problem(`${nameOf(wanted)} is not there`, INSTALL)];
  const [should, has] = [wanted, present].map((namespace) => (namespace as V1Namespace).metadata?.labels?.[ENFORCE]);
  if (should === has) return [];
  const name = wanted.metadata?.name;
  return [
    problem(
      `the namespace ${name} enforces ${has ?? "no level of Pod Security"}, not ${should}`,
      `kubectl label --overwrite namespace ${name} ${ENFORCE}=${should}`,
    ),
  ];
}
