import { publicRegistry } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { V1Ingress } from "#shared/kube/objects";
import { PUBLIC_REGISTRY_INGRESS } from "./components.ts";
import { hostOf, type InstallOptions } from "./options.ts";
import type { Problem } from "./preflight.ts";

/** Whether the host by which nodes are to pull is somebody else's already. */
export async function publicRegistryProblems(kube: Kube, { nodeTrust, domain }: InstallOptions): Promise<Problem[]> {
  if (nodeTrust !== "public") return [];
  const { namespace, name, ...kind } = PUBLIC_REGISTRY_INGRESS;
  const host = publicRegistry(hostOf(domain));
  const others = (await kube.list<V1Ingress>(kind)).filter(({ metadata }) => metadata?.namespace !== namespace || metadata.name !== name);
  const taken = others.find(({ spec }) => spec?.rules?.some((rule) => rule.host === host));
  if (!taken) return [];
  const problem = `nodes are to pull from ${host}, which belongs to the Ingress ${taken.metadata?.namespace}/${taken.metadata?.name}`;
  return [{ check: "ingress", problem, fix: "give that another host (an app by `davit app update --route`), or choose another --node-trust" }];
}
