import { createConfiguration, deleteConfiguration, given, listConfigurations, showConfiguration, updateConfiguration } from "../../configurations.ts";
import { type Api, type ApiHandlers, admit } from "../context.ts";

export function configurationHandlers(
  api: Api,
): Pick<ApiHandlers, "listConfigurations" | "showConfiguration" | "putConfiguration" | "deleteConfiguration"> {
  const { kube } = api.deps;
  return {
    listConfigurations: async ({ namespace }, caller) => {
      await admit(api, caller, "list", "apps", namespace);
      return await listConfigurations(kube, namespace);
    },
    showConfiguration: async ({ namespace, configuration, query }, caller) => {
      // Values are for who could also read them out of an app of their own.
      await admit(api, caller, query.values ? "update" : "get", "apps", namespace);
      const { values, ...summary } = await showConfiguration(kube, namespace, configuration);
      return query.values ? { ...summary, values } : summary;
    },
    putConfiguration: async ({ namespace, configuration: name, body }, caller) => {
      await admit(api, caller, "update", "apps", namespace);
      const { create, id, values } = await body();
      const changed = create
        ? await createConfiguration(kube, namespace, name, given(values), id).then(() => true)
        : await updateConfiguration(kube, namespace, name, values, id);
      const { values: _, ...summary } = await showConfiguration(kube, namespace, name);
      return { changed, configuration: summary };
    },
    deleteConfiguration: async ({ namespace, configuration }, caller) => {
      await admit(api, caller, "update", "apps", namespace);
      await deleteConfiguration(kube, namespace, configuration);
      return {};
    },
  };
}
