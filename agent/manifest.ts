import type { AppManifest } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { readEnv } from "./apps.ts";
import type { App, Revision } from "./objects/types.ts";

/**
 * What would push an app again as it serves; of one that never was live, as it was last asked for.
 * `revisions` are the app's, newest first.
 * @throws Fault revision_not_found when it was never pushed
 */
export async function manifestOf(kube: Kube, app: App, revisions: readonly Revision[]): Promise<AppManifest> {
  const { name, namespace } = app.metadata;
  const revision = revisions.find(({ spec }) => spec.number === app.status?.revision) ?? revisions[0];
  if (!revision) throw new Fault("revision_not_found", `the app '${name}' was never pushed`, { details: { app: name, namespace } });
  const { source, settings, buildArgs } = revision.spec;
  const { routes, instances, port, configurations } = settings;
  return { source, routes, instances, port, env: await readEnv(kube, revision), configurations, buildArgs };
}
