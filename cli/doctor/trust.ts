import { publicRegistry } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1Service } from "#shared/kube/objects";
import type { NodeFacts } from "../install/certs-dirs.ts";
import { REGISTRY_HOST, REGISTRY_SERVICE } from "../install/components.ts";
import { isOwnCa } from "../install/issuer.ts";
import { hostOf, type InstallOptions } from "../install/options.ts";
import { type NodeInstructions, type TrustedRegistry, trustFiles } from "../install/trust-files.ts";

/** The registry as nodes have to know it; undefined where they know it anyway. */
export async function readTrust(kube: Kube, options: InstallOptions): Promise<TrustedRegistry | undefined> {
  const { registry, nodeTrust, domain, issuer } = options;
  if (registry) {
    const { host, plainHttp, ca } = registry;
    const address = new URL(`https://${host}`).hostname.replace(/^\[|\]$/g, "");
    return plainHttp || ca ? { registry: host, address, plainHttp, ca } : undefined;
  }
  const [service, trust] = await Promise.all([
    kube.get<V1Service>(REGISTRY_SERVICE),
    kube.get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" }),
  ]);
  if (nodeTrust === "public") {
    const known = { registry: publicRegistry(domain), address: publicRegistry(hostOf(domain)), plainHttp: false };
    return isOwnCa(issuer) ? { ...known, ca: trust?.data?.["ca.crt"] ?? "" } : undefined;
  }
  const [address = "", ca = ""] = [service?.spec?.clusterIP, trust?.data?.["registry.crt"]];
  return { registry: `${REGISTRY_HOST}:5000`, address, plainHttp: false, ca };
}

/** What to put where on the cluster's nodes. */
export async function instructions(kube: Kube, options: InstallOptions): Promise<NodeInstructions[]> {
  const [registry, nodes] = await Promise.all([readTrust(kube, options), kube.list<NodeFacts>({ apiVersion: "v1", kind: "Node" })]);
  return registry ? trustFiles(nodes, registry, options.certsDirs) : [];
}

export function instructionLines(found: readonly NodeInstructions[]): string[] {
  if (found.length === 0) return ["nothing has to be done on nodes that trust the issuer of the registry's certificate, as they do public CAs"];
  return found.flatMap(({ distribution, nodes, files, afterwards }) => [
    `# ${distribution}: ${nodes.join(", ")}`,
    ...files.flatMap(({ path, content }) => ["", `# ${path}`, ...content.trimEnd().split("\n")]),
    "",
    `# ${afterwards}`,
    "",
  ]);
}
