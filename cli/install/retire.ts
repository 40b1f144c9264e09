import { TLS_SECRET } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Deployment, V1Ingress, V1Service } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import { componentRef, componentsOf, NODEPORT_SERVICE, PUBLIC_REGISTRY_INGRESS, REGISTRY } from "./components.ts";
import { forgetNodes } from "./forget-nodes.ts";
import { manifest } from "./manifests.ts";
import { nodePortHost } from "./node-trust.ts";
import type { InstallOptions } from "./options.ts";

const APPS = "davit.dev/app";

/** What an older davit made, and nothing of this one uses. */
const LEFTOVERS = [{ apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-registry-jwks" }];

interface Options {
  signal: AbortSignal;
  tell: (what: string) => void;
}

/**
 * Takes away by what nodes pulled before `--node-trust` was changed, once no app names its image that way (the agent
 * renames them): until then both ways are there, and every Pod can start anywhere.
 * @throws Fault deadline when apps still do; running it again goes on
 */
export async function retireNodeTrust(kube: Kube, options: InstallOptions, { signal, tell }: Options): Promise<void> {
  if (options.nodeTrust !== "insecure-nodeport") await retireNodePort(kube, { signal, tell });
  if (options.nodeTrust !== "public") await retireIngress(kube, { signal, tell });
  if (!componentsOf(options).includes("node-trust")) await retireDaemonSet(kube, options, { signal, tell });
}

/** To be called when nothing of the older davit runs any more. */
export async function retireLeftovers(kube: Kube): Promise<void> {
  for (const ref of LEFTOVERS) if (await kube.get(ref)) await kube.remove(ref);
}

async function retireNodePort(kube: Kube, { signal, tell }: Options): Promise<void> {
  const host = nodePortHost(await kube.get<V1Service>(NODEPORT_SERVICE, signal));
  if (host === undefined) return;
  tell("waiting until no app is pulled unencrypted");
  await unused(kube, host, signal);
  await removeAll(kube, "registryNodeport");
}

async function retireIngress(kube: Kube, { signal, tell }: Options): Promise<void> {
  const host = (await kube.get<V1Ingress>(PUBLIC_REGISTRY_INGRESS, signal))?.spec?.rules?.[0]?.host;
  if (host === undefined) return;
  tell("waiting until no app is pulled by the ingress");
  await unused(kube, host, signal);
  await removeAll(kube, "registryPublic");
  await kube.remove({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: TLS_SECRET.registryPublic });
}

async function removeAll(kube: Kube, file: "registryNodeport" | "registryPublic"): Promise<void> {
  for (const { apiVersion = "", kind = "", metadata } of manifest(file))
    await kube.remove({ apiVersion, kind, namespace: metadata?.namespace, name: metadata?.name });
}

/** What an admin has taken over stays on the nodes: it is what they trust the registry by. */
async function retireDaemonSet(kube: Kube, { nodeTrust }: InstallOptions, { signal, tell }: Options): Promise<void> {
  const ref = componentRef("node-trust");
  if (!(await kube.get(ref, signal))) return;
  if (nodeTrust === "manual") {
    tell("the registry's CA stays in the nodes' certs.d; from now on it is yours to keep: see `davit doctor --print-trust`");
  } else {
    tell("waiting until no app is pulled by the name that nodes need certs.d for");
    await unused(kube, REGISTRY, signal);
    const warning = await forgetNodes(kube, { signal, tell });
    if (warning) tell(warning);
  }
  await kube.remove(ref);
}

/** Waits until no app's Deployment has an image of this registry, which may be named without its port. */
async function unused(kube: Kube, host: string, signal: AbortSignal): Promise<void> {
  const using = new Set<string>();
  const deployments = { apiVersion: "apps/v1", kind: "Deployment" };
  let listed = false;
  for await (const event of watch<V1Deployment>(kube, deployments, { labels: APPS, signal })) {
    if (event.type === "synced") listed = true;
    else using[event.type === "set" && names(event.object, host) ? "add" : "delete"](appOf(event.object));
    if (listed && using.size === 0) return;
  }
  throw new Fault("deadline", `these apps are still pulled from ${host}: ${[...using].join(", ")}; run \`davit install\` again to go on`);
}

function names({ spec }: V1Deployment, host: string): boolean {
  return spec?.template.spec?.containers.some(({ image }) => image?.startsWith(`${host}/`) || image?.startsWith(`${host}:`)) ?? false;
}

function appOf({ metadata }: V1Deployment): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
