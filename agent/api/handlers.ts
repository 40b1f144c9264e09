import type { DavitHandlers } from "#shared/api";
import type { AppSummary } from "#shared/app";
import { Fault } from "#shared/fault";
import type { V1Deployment } from "#shared/kube/objects";
import { PROTOCOL, VERSION } from "#shared/version";
import { accept, plan } from "../accept.ts";
import { getRevision, listRevisions, needApp, readEnv } from "../apps.ts";
import type { Deps } from "../deps.ts";
import { LABEL } from "../objects/meta.ts";
import { type App, DAVIT_API, type Revision } from "../objects/types.ts";
import { removeApp } from "../remove.ts";
import type { Runner } from "../runner.ts";
import { keys } from "../store/keys.ts";
import type { Tenants } from "../tenants.ts";
import { Turns } from "../turns.ts";
import type { Auth, Caller } from "./auth.ts";
import { appLogs } from "./logs.ts";
import { detailApp, summarizeApp } from "./summaries.ts";

/** The API's endpoints: each asks whether the caller may, then calls the one function that does it. */
export function handlers(deps: Deps, tenants: Tenants, runner: Runner, auth: Auth): DavitHandlers<Caller> {
  const { kube, config } = deps;
  const turns = new Turns();
  return {
    info: async () => ({ version: VERSION, protocol: PROTOCOL, domain: config.domain.host }),
    whoami: async (_, caller) => ({ user: caller.user, groups: caller.groups }),

    listNamespaces: async (_, caller) => {
      const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App" });
      const visible = await filterAllowed(tenants, auth, caller);
      return visible.map(({ name, createdAt }) => ({ name, createdAt, apps: apps.filter((app) => app.metadata.namespace === name).length }));
    },
    createNamespace: async ({ namespace }, caller) => {
      await auth.authorize(caller, "create", "namespaces", undefined, namespace);
      return await tenants.create(namespace);
    },
    deleteNamespace: async ({ namespace }, caller) => {
      await auth.authorize(caller, "delete", "namespaces", undefined, namespace);
      const tenant = await tenants.need(namespace);
      const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace });
      for (const app of apps) await removeApp(deps, runner, namespace, app.metadata.name);
      await kube.remove({ apiVersion: "v1", kind: "Namespace", name: namespace });
      await deps.store.remove(await deps.store.list(keys.tenant(tenant.uid)));
      return { apps: apps.length };
    },

    negotiate: async ({ namespace, body }, caller) => {
      await auth.authorize(caller, "create", "apps", namespace);
      return await deps.sources.negotiate((await tenants.need(namespace)).uid, body);
    },
    putPack: async ({ namespace, pack, body }, caller) => {
      await auth.authorize(caller, "create", "apps", namespace);
      await deps.sources.putPack((await tenants.need(namespace)).uid, pack, body);
      return {};
    },

    planPush: async ({ namespace, app, body }, caller) => {
      await auth.authorize(caller, "create", "apps", namespace, app);
      return await plan(deps, await tenants.need(namespace), app, body);
    },
    createRevision: async ({ namespace, app, body }, caller) => {
      await auth.authorize(caller, "create", "apps", namespace, app);
      const tenant = await tenants.need(namespace);
      // One at a time for an app: revisions are numbered, and run, in the order they were asked for.
      return await turns.take(`${namespace}/${app}`, async () => {
        const accepted = await accept(deps, tenant, app, body, caller.user);
        if (accepted.outcome === "unchanged") return accepted;
        if (!accepted.again) runner.start(accepted.revision);
        return { outcome: "accepted", revision: accepted.revision.spec.number };
      });
    },
    pushEvents: async function* ({ namespace, app, revision, query, signal }, caller) {
      await auth.authorize(caller, "get", "apps/logs", namespace, app);
      const found = await getRevision(kube, namespace, app, revision);
      if (!found)
        throw new Fault("revision_not_found", `the app '${app}' has no revision ${revision}`, { details: { app, revision: String(revision) } });
      yield* (await runner.events(found)).follow(query.after, signal);
    },

    listApps: async ({ namespace }, caller) => {
      await auth.authorize(caller, "list", "apps", namespace);
      await tenants.need(namespace);
      return await listApps(deps, namespace);
    },
    listAllApps: async (_, caller) => {
      const visible = await filterAllowed(tenants, auth, caller);
      return (await Promise.all(visible.map(({ name }) => listApps(deps, name)))).flat();
    },
    showApp: async ({ namespace, app: name }, caller) => {
      await auth.authorize(caller, "get", "apps", namespace, name);
      await tenants.need(namespace);
      const app = await needApp(kube, namespace, name);
      const [deployment, revisions] = await Promise.all([
        kube.get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name }),
        listRevisions(kube, namespace, name),
      ]);
      const serving = revisions.find((revision) => revision.spec.number === app.status?.revision);
      const envNames = serving ? Object.keys(await readEnv(kube, serving)).sort() : [];
      return detailApp(summarizeApp(app, deployment, revisions[0], config), app, revisions, envNames);
    },
    deleteApp: async ({ namespace, app }, caller) => {
      await auth.authorize(caller, "delete", "apps", namespace, app);
      await tenants.need(namespace);
      await removeApp(deps, runner, namespace, app);
      return {};
    },
    appLogs: async function* ({ namespace, app, query, signal }, caller) {
      await auth.authorize(caller, "get", "apps/logs", namespace, app);
      await needApp(kube, namespace, app);
      yield* appLogs(kube, namespace, app, { follow: query.follow ?? false, tail: query.tail, signal });
    },
  };
}

async function filterAllowed(tenants: Tenants, auth: Auth, caller: Caller) {
  const all = tenants.list();
  const allowed = await Promise.all(all.map(({ name }) => auth.allows(caller, "list", "apps", name)));
  return all.filter((_, index) => allowed[index]);
}

async function listApps(deps: Deps, namespace: string): Promise<AppSummary[]> {
  const [apps, deployments, revisions] = await Promise.all([
    deps.kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace }),
    deps.kube.list<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace }, { labels: LABEL.app }),
    deps.kube.list<Revision>({ apiVersion: DAVIT_API, kind: "Revision", namespace }),
  ]);
  return apps.map((app) => {
    const { name } = app.metadata;
    const newest = revisions.filter((revision) => revision.spec.app === name).sort((a, b) => b.spec.number - a.spec.number)[0];
    const deployment = deployments.find((candidate) => candidate.metadata?.name === name);
    return summarizeApp(app, deployment, newest, deps.config);
  });
}
