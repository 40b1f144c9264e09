import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { LABEL, revisionName } from "./objects/meta.ts";
import { type App, DAVIT_API, type Revision } from "./objects/types.ts";

/** Reads and writes of the two kinds that are davit's own. */

export async function getApp(kube: Kube, namespace: string, name: string): Promise<App | undefined> {
  return await kube.get<App>({ apiVersion: DAVIT_API, kind: "App", namespace, name });
}

/** @throws Fault app_not_found */
export async function needApp(kube: Kube, namespace: string, name: string): Promise<App> {
  const app = await getApp(kube, namespace, name);
  if (app) return app;
  throw new Fault("app_not_found", `there is no app '${name}' in namespace '${namespace}'`, { details: { app: name, namespace } });
}

export async function getRevision(kube: Kube, namespace: string, app: string, number: number): Promise<Revision | undefined> {
  return await kube.get<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace, name: revisionName(app, number) });
}

/** An app's revisions, newest first. */
export async function listRevisions(kube: Kube, namespace: string, app: string): Promise<Revision[]> {
  const found = await kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace }, { labels: `${LABEL.app}=${app}` });
  return found.sort((a, b) => b.spec.number - a.spec.number);
}

export type RevisionStatus = NonNullable<Revision["status"]>;

/** Adds to a revision's status; what is not named stays. */
export async function patchRevision(kube: Kube, revision: Revision, status: Partial<RevisionStatus>): Promise<Revision> {
  revision.status = { ...revision.status, ...status };
  const { name, namespace } = revision.metadata;
  return await kube.apply<Revision>({ apiVersion: DAVIT_API, kind: "Revision", metadata: { name, namespace }, status: revision.status } as Revision, {
    subresource: "status",
  });
}

/** Adds labels to a revision. */
export async function labelRevision(kube: Kube, revision: Revision, labels: Record<string, string>): Promise<void> {
  const { name, namespace } = revision.metadata;
  const path = pathOf({ apiVersion: DAVIT_API, kind: "Revision", namespace, name });
  await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body: { metadata: { labels } } });
  revision.metadata.labels = { ...revision.metadata.labels, ...labels };
}

export async function setAppStatus(kube: Kube, app: App, status: NonNullable<App["status"]>): Promise<void> {
  const { name, namespace } = app.metadata;
  await kube.apply({ apiVersion: DAVIT_API, kind: "App", metadata: { name, namespace }, status } as App, { subresource: "status" });
}

/** A revision's env. @throws Fault kube_refused when its Secret is gone */
export async function readEnv(kube: Kube, revision: Revision): Promise<Record<string, string>> {
  const { namespace } = revision.metadata;
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace, name: revision.spec.envSecret });
  if (!secret) throw new Fault("kube_refused", `the Secret ${revision.spec.envSecret} with the env of revision ${revision.spec.number} is gone`);
  return Object.fromEntries(Object.entries(secret.data ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]));
}
