import type { Kube } from "#shared/kube/client";
import { hasStatus } from "#shared/kube/fault";
import { pathOf } from "#shared/kube/resource";
import { type App, DAVIT_API } from "../objects/types.ts";

const APPS = { apiVersion: DAVIT_API, kind: "App" };

/** Writes the URL of every app that serves into its status, where another stands there: its host has got a certificate, or lost it. */
export async function updateUrls(kube: Kube, urlOf: (app: App) => string | undefined): Promise<void> {
  for (const app of await kube.list<App>(APPS)) {
    const url = urlOf(app);
    if (app.status?.url !== undefined && url !== undefined && app.status.url !== url) await setUrl(kube, app, url);
  }
}

/** Only in the status that was read: a push that ends now writes its own. */
async function setUrl(kube: Kube, { metadata: { name, namespace, resourceVersion } }: App, url: string): Promise<void> {
  const path = pathOf({ ...APPS, namespace, name }, "status");
  const body = { metadata: { resourceVersion }, status: { url } };
  await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body }).catch((error) => {
    if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error;
  });
}
