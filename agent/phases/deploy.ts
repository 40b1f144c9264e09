import type { V1Namespace } from "#shared/kube/objects";
import { getRevision } from "../apps.ts";
import { claimConfigurations } from "../configurations.ts";
import { imageForNodes } from "../images/image-registry.ts";
import { isRestricted } from "../objects/tenant.ts";
import type { Revision } from "../objects/types.ts";
import { deployment, service } from "../objects/workload.ts";
import { checkRoutes } from "../routes.ts";
import type { Run } from "../run.ts";
import { awaitRollout } from "./rollout.ts";

/** Makes the cluster run `image` with the revision's settings; the old Pods serve until the new ones are ready. */
export async function deploy(run: Run, image: string): Promise<void> {
  const { name, namespace } = run.app.metadata;
  // Once more, now that it becomes true: somebody may have taken a route since this push was accepted.
  await checkRoutes(run, { namespace, app: name }, run.revision.spec.settings.routes);
  await claimConfigurations(run.kube, run.revision);
  await awaitRollout(run, await applyRevision(run, run.revision, image));
}

/**
 * After a failed rollout: the Deployment, Service and routes of the revision that serves are put back; its Pods never
 * stopped. A first push leaves nothing behind.
 */
export async function restore(run: Run): Promise<void> {
  const { app, kube } = run;
  const { name, namespace } = app.metadata;
  const serving = app.status?.revision === undefined ? undefined : await getRevision(kube, namespace, name, app.status.revision);
  if (serving?.status?.image) return void (await applyRevision(run, serving, serving.status.image));
  await Promise.all([
    kube.remove({ apiVersion: "apps/v1", kind: "Deployment", namespace, name }),
    kube.remove({ apiVersion: "v1", kind: "Service", namespace, name }),
    run.routing.end(namespace, name),
  ]);
}

/** Returns the generation of the Deployment. */
async function applyRevision({ app, kube, registry, routing, signal }: Run, revision: Revision, image: string): Promise<number> {
  const { namespace } = app.metadata;
  const confined = isRestricted(await kube.get<V1Namespace>({ apiVersion: "v1", kind: "Namespace", name: namespace }));
  const { port, routes } = revision.spec.settings;
  const [applied] = await Promise.all([
    kube.apply(deployment(app, revision, imageForNodes(registry, image), { confined })),
    kube.apply(service(app, port)),
    routing.lead(app, routes, signal),
  ]);
  return applied.metadata?.generation ?? 0;
}
