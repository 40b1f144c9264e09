import { type App, DAVIT_API } from "../../objects/types.ts";
import { type Api, type ApiHandlers, visibleTenants } from "../context.ts";

export function namespaceHandlers(api: Api): Pick<ApiHandlers, "listNamespaces" | "createNamespace" | "deleteNamespace"> {
  const { deps, tenants, sync, auth, collector, removals } = api;
  const { kube } = deps;
  return {
    listNamespaces: async (_, caller) => {
      const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App" });
      const visible = await visibleTenants(api, caller);
      return visible.map(({ name, createdAt }) => {
        return { name, createdAt, apps: apps.filter((app) => app.metadata.namespace === name).length, foreign: [...sync.foreign(name)] };
      });
    },
    createNamespace: async ({ namespace }, caller) => {
      await auth.authorize(caller, "create", "namespaces", undefined, namespace);
      return await tenants.create(namespace);
    },
    deleteNamespace: async ({ namespace }, caller) => {
      await auth.authorize(caller, "delete", "namespaces", undefined, namespace);
      const tenant = await tenants.need(namespace);
      const apps = await kube.list<App>({ apiVersion: DAVIT_API, kind: "App", namespace });
      await Promise.all(apps.map((app) => removals.remove(namespace, app.metadata.name)));
      await kube.remove({ apiVersion: "v1", kind: "Namespace", name: namespace });
      await collector.forget(tenant);
      return { apps: apps.length };
    },
  };
}
