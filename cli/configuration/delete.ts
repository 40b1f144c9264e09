import type { ConfigurationSummary } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Connection, Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { confirm } from "../report/ask.ts";
import { changeApps } from "./apps.ts";
import { checkConfiguration } from "./values.ts";

interface DeleteFlags {
  names: readonly string[];
  namespace?: string | undefined;
  unbind: boolean;
  yes: boolean;
  output: string;
  verbose: boolean;
}

/** `davit configuration delete` behind its flags; returns the exit code. @throws Fault */
export async function deleteConfigurations(context: Context, flags: DeleteFlags, way: Way): Promise<number> {
  const names = [...new Set(flags.names.map(checkConfiguration))];
  const connection = await context.connect(way);
  const namespace = pickNamespace(flags.namespace, context.env, connection);
  const found = await Promise.all(names.map((configuration) => connection.client.showConfiguration({ namespace, configuration, query: {} })));
  if (!flags.unbind) checkFree(found, namespace);
  const apps = [...new Set(found.flatMap((configuration) => configuration.apps))].sort();
  if (!(await confirm(context, question(names, namespace, apps), flags.yes))) {
    context.err("nothing was deleted");
    return 0;
  }
  const change = { apps, doing: `taking ${names.join(", ")} from`, request: { unbind: names } };
  const { results, fault } = await changeApps({ ...flags, context, connection, namespace }, change);
  if (fault) {
    context.err("no configuration was deleted");
    if (flags.output === "json") context.out(JSON.stringify({ namespace, deleted: [], unbound: results, fault: fault.toWire() }, null, 2));
    return fault.exitCode;
  }
  await deleteAll(connection, namespace, names);
  if (flags.output === "json") context.out(JSON.stringify({ namespace, deleted: names, unbound: results }, null, 2));
  else for (const name of names) context.out(`${name} deleted`);
  return 0;
}

async function deleteAll({ client }: Connection, namespace: string, names: readonly string[]): Promise<void> {
  for (const configuration of names) await client.deleteConfiguration({ namespace, configuration });
}

/** All or none: the agent would refuse too, but only when it gets to the one that is bound. @throws Fault configuration_bound */
function checkFree(configurations: readonly ConfigurationSummary[], namespace: string): void {
  const bound = configurations.filter(({ apps }) => apps.length > 0);
  if (bound.length === 0) return;
  const who = bound.map(({ name, apps }) => `the configuration '${name}' is bound to ${apps.map((app) => `'${app}'`).join(", ")}`);
  const details = { configuration: bound.map(({ name }) => name).join(", "), namespace, apps: bound.flatMap(({ apps }) => apps).join(", ") };
  throw new Fault("configuration_bound", who.join("; "), { details });
}

function question(names: readonly string[], namespace: string, apps: readonly string[]): string {
  const which = names.map((name) => `'${name}'`).join(", ");
  return `Delete the configuration${names.length === 1 ? "" : "s"} ${which} from namespace '${namespace}'${apps.length > 0 ? `, and restart ${apps.join(", ")} without` : ""}?`;
}
