import { Fault } from "#shared/fault";
import { gatewayName, HTTP_ROUTE } from "#shared/gateway";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1Ingress, V1Namespace } from "#shared/kube/objects";
import type { Ref } from "#shared/kube/resource";
import { waitFor, watch } from "#shared/kube/watch";
import { MANAGED_LABEL } from "./components.ts";
import { AGENT, agentRouted } from "./gateway.ts";
import type { Prepared } from "./install.ts";

const APP = "davit.dev/app";
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };
const GRANT = { apiVersion: "gateway.networking.k8s.io/v1beta1", kind: "ReferenceGrant", namespace: "davit", name: "davit-gateway" };
/** How long an ingress controller may take to say that it serves; some never say. */
const SERVED_MS = 5_000;

interface Options {
  signal: AbortSignal;
  tell: (what: string) => void;
}

/**
 * Takes away by what requests came before `--gateway` was changed, once the new way serves: of the agent itself, and of apps
 * when the agent has brought all of them over. @throws Fault deadline when it has not; running it again goes on
 */
export async function takeOver(
  kube: Kube,
  { options: { gateway }, routesLeft }: Pick<Prepared, "options" | "routesLeft">,
  { signal, tell }: Options,
): Promise<void> {
  if (gateway) {
    await agentRouted(kube, gateway, signal);
    await noneLeft(kube, INGRESS, `the ${gatewayName(gateway)} takes no routes of`, { signal, tell });
    await kube.remove({ ...INGRESS, ...AGENT });
  } else if (routesLeft) {
    await served(kube, signal);
    await noneLeft(kube, HTTP_ROUTE, "the ingress has not taken over", { signal, tell });
    await kube.remove({ ...HTTP_ROUTE, ...AGENT });
    await kube.remove(GRANT);
  }
}

async function served(kube: Kube, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(SERVED_MS);
  const hasAddress = (ingress: V1Ingress | undefined) => (ingress?.status?.loadBalancer?.ingress?.length ?? 0) > 0 || undefined;
  await waitFor<V1Ingress, true>(kube, { ...INGRESS, ...AGENT }, hasAddress, AbortSignal.any([signal, limit])).catch((error) => {
    if (!limit.aborted) throw error;
  });
}

/** Waits until no app has an object of this kind. A namespace that is no tenant any more is not the agent's to change. */
async function noneLeft(kube: Kube, ref: Ref, why: string, { signal, tell }: Options): Promise<void> {
  const tenants = await kube.list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" }, { labels: `${MANAGED_LABEL}=true` });
  const names = new Set(tenants.map(({ metadata }) => metadata?.name));
  const left = new Set<string>();
  let listed = false;
  for await (const event of watch<KubeObject>(kube, ref, { labels: APP, signal })) {
    if (event.type === "synced") {
      listed = true;
      if (left.size > 0) tell(`waiting until no app has an ${ref.kind} any more`);
    } else if (names.has(event.object.metadata?.namespace)) {
      const { namespace, name } = event.object.metadata ?? {};
      left[event.type === "set" ? "add" : "delete"](`${namespace}/${name}`);
    }
    if (listed && left.size === 0) return;
  }
  throw new Fault("deadline", `${why} these: ${[...left].join(", ")}; they are served as before, and \`davit install\` again goes on`);
}
