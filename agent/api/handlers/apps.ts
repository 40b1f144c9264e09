import type { AppSummary } from "#shared/app";
import type { Kube } from "#shared/kube/client";
import type { V1Deployment } from "#shared/kube/objects";
import { listRevisions, needApp, readEnv } from "../../apps.ts";
import type { Deps } from "../../deps.ts";
import { manifestOf } from "../../manifest.ts";
import { LABEL } from "../../objects/meta.ts";
import { type App, DAVIT_API, type Revision } from "../../objects/types.ts";
import { type Api, type ApiHandlers, admit, visibleTenants } from "../context.ts";
import { listInstances } from "../instances.ts";
import { appLogs } from "../logs.ts";
import { detailApp, summarizeApp } from "../summaries.ts";

export function appHandlers(
  api: Api,
): Pick<ApiHandlers, "listApps" | "listAllApps" | "showApp" | "listInstances" | "showEnv" | "showManifest" | "deleteApp" | "appLogs"> {
  const { deps } = api;
  const { kube, certificates, routing } = deps;
  return {
    listApps: async ({ namespace }, caller) => {
      await admit(api, caller, "list", "apps", namespace);
      return await listApps(api, namespace);
    },
    listAllApps: async (_, caller) => {
      const visible = await visibleTenants(api, caller);
      return (await Promise.all(visible.map(({ name }) => listApps(api, name)))).flat();
    },
    showApp: async ({ namespace, app: name }, caller) => {
      await admit(api, caller, "get", "apps", namespace, name);
      const app = await needApp(kube, namespace, name);
      const [deployment, revisions, refusals] = await Promise.all([
        kube.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name }),
        listRevisions(kube, namespace, name),
        routing.refusals(app),
      ]);
      const envNames = Object.keys(await servingEnv(deps, app, revisions)).sort();
      const summary = summarizeApp(app, deployment, revisions[0], certificates);
      const ofHosts = certificates.of(namespace, name, app.spec.routes).map((one) => ({ ...one, reason: refusals.get(one.host) ?? one.reason }));
      return detailApp(summary, app, { certificates: ofHosts, envNames, revisions });
    },
    listInstances: async ({ namespace, app: name }, caller) => {
      await admit(api, caller, "create", "apps/exec", namespace, name);
      const app = await needApp(kube, namespace, name);
      return { port: app.spec.port, instances: await listInstances(kube, namespace, name) };
    },
    showEnv: async ({ namespace, app: name }, caller) => {
      await admit(api, caller, "update", "apps", namespace, name);
      const app = await needApp(kube, namespace, name);
      return await servingEnv(deps, app, await listRevisions(kube, namespace, name));
    },
    showManifest: async ({ namespace, app: name }, caller) => {
      await admit(api, caller, "update", "apps", namespace, name);
      const app = await needApp(kube, namespace, name);
      return await manifestOf(kube, app, await listRevisions(kube, namespace, name));
    },
    deleteApp: async ({ namespace, app }, caller) => {
      await admit(api, caller, "delete", "apps", namespace, app);
      await api.removals.remove(namespace, app);
      return {};
    },
    appLogs: async function* ({ namespace, app, query, signal }, caller) {
      await admit(api, caller, "get", "apps/logs", namespace, app);
      await needApp(kube, namespace, app);
      const { follow = false, previous = false, tail, since, seen } = query;
      yield* appLogs(kube, { namespace, app }, { follow, previous, tail, since, seen, signal });
    },
  };
}

async function servingEnv({ kube }: Deps, app: App, revisions: readonly Revision[]): Promise<Record<string, string>> {
  const serving = revisions.find((revision) => revision.spec.number === app.status?.revision);
  return serving ? await readEnv(kube, serving) : {};
}

async function listApps({ deps, runner }: Api, namespace: string): Promise<AppSummary[]> {
  const { kube, certificates } = deps;
  const [apps, deployments] = await Promise.all([
    kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace }),
    kube.list<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace }, { labels: LABEL.app }),
  ]);
  const newest = await newestRevisions(kube, namespace, unsettled(apps, runner.busy()));
  const deploymentOf = new Map(deployments.map((deployment) => [deployment.metadata?.name, deployment]));
  return apps.map((app) => summarizeApp(app, deploymentOf.get(app.metadata.name), newest.get(app.metadata.name), certificates));
}

/** Apps whose state their newest revision tells: of all others it is known by what serves. A namespace has ten times as many revisions as apps. */
function unsettled(apps: readonly App[], busy: readonly string[]): string[] {
  const pushed = new Set(busy);
  const open = ({ metadata, status }: App) => status?.revision === undefined || pushed.has(`${metadata.namespace}/${metadata.name}`);
  return apps.filter(open).map(({ metadata }) => metadata.name);
}

async function newestRevisions(kube: Kube, namespace: string, apps: readonly string[]): Promise<Map<string, Revision>> {
  const newest = new Map<string, Revision>();
  if (apps.length === 0) return newest;
  const labels = `${LABEL.app} in (${apps.join(",")})`;
  for (const revision of await kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace }, { labels })) {
    if (revision.spec.number > (newest.get(revision.spec.app)?.spec.number ?? 0)) newest.set(revision.spec.app, revision);
  }
  return newest;
}
