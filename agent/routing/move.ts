import type { V1Namespace } from "#shared/kube/objects";
import { pause } from "#shared/within";
import { getApp } from "../apps.ts";
import type { Deps } from "../deps.ts";
import { MANAGED } from "../objects/meta.ts";
import { type App, DAVIT_API } from "../objects/types.ts";
import type { Runner } from "../runner.ts";
import type { Tenants } from "../tenants.ts";

const RETRY_MS = 5_000;

/**
 * After `davit install` has changed how requests come to apps: brings every app over. While the new way does not take one's
 * routes, that app stays as it was, and is tried again. An app with a push under way is brought over by that.
 */
export async function moveRoutes(deps: Deps, parts: { tenants: Tenants; runner: Runner }, stop: AbortSignal): Promise<void> {
  for (let left = await appsLeft(deps, parts.tenants); left.length > 0 && !stop.aborted; left = await appsLeft(deps, parts.tenants)) {
    const moved = await Promise.all(left.map((app) => move(deps, parts.runner, app, stop)));
    if (moved.includes(false)) await pause(RETRY_MS, stop);
  }
}

async function appsLeft({ kube, routing }: Deps, tenants: Tenants): Promise<App[]> {
  const left = await routing.left();
  if (left.size === 0) return [];
  const namespaces = await kube.list<V1Namespace>({ apiVersion: "v1", kind: "Namespace" }, { labels: `${MANAGED}=true` });
  const inEach = namespaces.map(async ({ metadata }) => {
    const { name } = await tenants.need(metadata?.name ?? "");
    const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace: name });
    return apps.filter(({ metadata }) => left.has(`${name}/${metadata.name}`));
  });
  return (await Promise.all(inEach)).flat();
}

/** Whether nothing of it has to be tried again. */
async function move({ kube, routing, log }: Deps, runner: Runner, app: App, stop: AbortSignal): Promise<boolean> {
  const { namespace, name } = app.metadata;
  const settled = async () => {
    const present = await getApp(kube, namespace, name);
    return runner.busy().includes(`${namespace}/${name}`) || present?.metadata.deletionTimestamp ? undefined : present;
  };
  try {
    await routing.move(app, settled, stop);
  } catch (error) {
    stop.throwIfAborted();
    log("an app cannot be served the new way yet", { app: `${namespace}/${name}`, error });
  }
  return !(await routing.isLeft(app));
}
