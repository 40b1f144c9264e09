import { isIPv6 } from "node:net";
import type { KubeObject, V1NetworkPolicy } from "#shared/kube/objects";

/** The fields of a Node that tell which addresses its Pods get. */
interface NodeRanges extends KubeObject {
  spec?: { podCIDRs?: string[] };
}

/** The ranges of all Pods' addresses: those that were said, else those that the nodes were given. Empty where nobody knows. */
export function podCidrsOf(nodes: readonly NodeRanges[], said: readonly string[]): string[] {
  if (said.length > 0) return [...said];
  return [...new Set(nodes.flatMap(({ spec }) => spec?.podCIDRs ?? []))].sort();
}

/** The policy with the Pods' addresses taken out of every range that builds may reach. */
export function withoutPods(policy: V1NetworkPolicy, podCidrs: readonly string[]): V1NetworkPolicy {
  const copy = structuredClone(policy);
  for (const { ipBlock } of (copy.spec?.egress ?? []).flatMap(({ to = [] }) => to)) {
    if (!ipBlock) continue;
    const family = podCidrs.filter((cidr) => isIPv6(cidr.split("/")[0] ?? "") === ipBlock.cidr.includes(":"));
    ipBlock.except = [...(ipBlock.except ?? []), ...family];
  }
  return copy;
}
