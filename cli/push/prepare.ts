import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import type { Connection, Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { type NamedApp, nameApp } from "./name.ts";
import { type PushFlags, type PushSettings, readSettings } from "./settings.ts";

/** A push that can begin: what is asked for, and whom. */
export interface PushJob extends PushSettings {
  context: Context;
  flags: PushFlags;
  app: NamedApp;
  namespace: string;
  connection: Connection;
}

/** A push of which nothing is known yet. */
export function blankResult(): PushResult {
  return {
    outcome: "failed",
    app: "",
    namespace: "",
    revision: null,
    url: null,
    image: null,
    source: "",
    reused: { chunks: 0, bytes: 0, build: false },
    sent: { chunks: 0, bytes: 0 },
    phases: {},
  };
}

/**
 * Understands the flags and finds app, source and agent; everything that can be wrong on this side is found before the
 * agent is asked. What becomes known is written to `result`, for a failure's sake.
 * @throws Fault
 */
export async function prepare(context: Context, flags: PushFlags, way: Way, result: PushResult): Promise<PushJob> {
  const settings = readSettings(flags, context.cwd);
  const app = nameApp(flags.name, settings.root);
  result.app = app.name;
  if (!flags.attach) checkDockerfile(settings.root);
  const connection = await context.connect(way);
  const namespace = pickNamespace(flags.namespace, context.env, connection);
  result.namespace = namespace;
  return { ...settings, context, flags, app, namespace, connection };
}

/* Only for a folder: what else the path may be is told by the walk, in its own words. */
/** What is not there, cannot be read or is empty is told by the walk, in its own words. */
function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return true;
  }
}

function checkDockerfile(root: string): void {
  const isFolder = statSync(root, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder && !statSync(join(root, "Dockerfile"), { throwIfNoEntry: false }) && !isEmpty(root)) {
    throw new Fault("no_dockerfile", `there is no Dockerfile in ${root}`, { details: { path: root } });
  }
}
