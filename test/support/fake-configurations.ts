import type { DavitHandlers } from "#shared/api";
import type { ConfigurationSummary } from "#shared/app";
import { Fault } from "#shared/fault";
import { type FakeApp, settingsOf } from "./fake-app.ts";

type Handlers = Pick<DavitHandlers<unknown>, "listConfigurations" | "showConfiguration" | "putConfiguration" | "deleteConfiguration">;

/** Values of configurations as they came, base64, each set under `namespace/name`. */
export type FakeConfigurations = Map<string, Record<string, string>>;

export function configurationHandlers(configurations: FakeConfigurations, apps: readonly FakeApp[]): Handlers {
  const need = (namespace: string, name: string): Record<string, string> => {
    const values = configurations.get(`${namespace}/${name}`);
    if (values) return values;
    throw new Fault("configuration_not_found", `there is no configuration '${name}' in namespace '${namespace}'`);
  };
  const summarize = (namespace: string, name: string): ConfigurationSummary => ({
    name,
    keys: Object.keys(need(namespace, name)).sort(),
    apps: apps.filter((app) => app.namespace === namespace && settingsOf(app, {}).configurations.includes(name)).map((app) => app.name),
    createdAt: "2026-01-01T00:00:00Z",
  });
  return {
    listConfigurations: async ({ namespace }) =>
      [...configurations.keys()].flatMap((key) => (key.startsWith(`${namespace}/`) ? [summarize(namespace, key.slice(namespace.length + 1))] : [])),
    showConfiguration: async ({ namespace, configuration, query }) => {
      const values = need(namespace, configuration);
      return { ...summarize(namespace, configuration), ...(query.values ? { values } : {}) };
    },
    putConfiguration: async ({ namespace, configuration: name, body }) => {
      const { create, values } = await body();
      if (create && configurations.has(`${namespace}/${name}`)) throw new Fault("configuration_exists", `there is a configuration '${name}'`);
      const before = create ? {} : need(namespace, name);
      const changed = create || Object.entries(values).some(([key, value]) => (before[key] ?? null) !== value);
      const after = Object.entries({ ...before, ...values }).filter((entry): entry is [string, string] => entry[1] !== null);
      configurations.set(`${namespace}/${name}`, Object.fromEntries(after));
      return { changed, configuration: summarize(namespace, name) };
    },
    deleteConfiguration: async ({ namespace, configuration }) => {
      const bound = summarize(namespace, configuration).apps;
      if (bound.length > 0) throw new Fault("configuration_bound", `the configuration '${configuration}' is bound to ${bound}`);
      configurations.delete(`${namespace}/${configuration}`);
      return {};
    },
  };
}
