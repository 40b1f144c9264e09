import { Fault } from "#shared/fault";
import type { Connection, Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { changeApps } from "./apps.ts";
import { checkConfiguration, readValues, type ValueFlags } from "./values.ts";

interface UpdateFlags extends ValueFlags {
  name: string;
  namespace?: string | undefined;
  restart: boolean;
  output: string;
  verbose: boolean;
}

/** `davit configuration update` behind its flags; returns the exit code. @throws Fault */
export async function update(context: Context, flags: UpdateFlags, way: Way): Promise<number> {
  const name = checkConfiguration(flags.name);
  const values = await readValues(context, flags);
  if (Object.keys(values).length === 0) throw new Fault("usage", "there is nothing to change: give K=V, --from-file, --env-file, --stdin or --unset");
  const connection = await context.connect(way);
  const namespace = pickNamespace(flags.namespace, context.env, connection);
  const body = { create: false, id: crypto.randomUUID(), values };
  const { changed, configuration } = await connection.client.putConfiguration({ namespace, configuration: name, body });
  if (flags.output !== "json") context.out(`configuration ${name} ${changed ? "changed" : "is unchanged"}`);
  const running = changed ? await whichRun(connection, namespace, configuration.apps) : [];
  const restart = { apps: flags.restart ? running : [], doing: "restarting", request: { restart: true } };
  const { results, fault } = await changeApps({ ...flags, context, connection, namespace }, restart);
  if (!flags.restart && running.length > 0) context.err(`\`davit app restart\` gives the new values to ${running.join(", ")}`);
  if (flags.output === "json") {
    const failure = fault ? { fault: fault.toWire() } : {};
    context.out(JSON.stringify({ changed, configuration, restarted: results, ...failure }, null, 2));
  }
  return fault?.exitCode ?? 0;
}

/** Those of the apps that have instances; the others get the new values when they are started. */
async function whichRun({ client }: Connection, namespace: string, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const apps = await client.listApps({ namespace });
  return names.filter((name) => apps.find((app) => app.name === name)?.status !== "stopped");
}
