import type { PushRequest } from "#shared/app";
import type { Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { checkTogether, parseDuration } from "../flags.ts";
import { printFault } from "../report/fault.ts";
import { createPushReport } from "../report/push-report.ts";
import { type Ended, type Place, seeThrough, toItsEnd } from "./ending.ts";
import { PushStream } from "./stream.ts";

/** A change of an app that brings no source: a push of what the app has, with other settings. */
export interface Change {
  app: string;
  /** What goes on, as a sentence begins: `restarting`. */
  doing: string;
  request: PushRequest;
}

/** How a change is told, and for how long it is followed. */
export interface ChangeFlags {
  namespace?: string | undefined;
  wait: boolean;
  timeout?: string | undefined;
  output: string;
  verbose: boolean;
}

const AGAIN = "run the same command again";

/** Makes the change that `read` understands from the command line, told as a push is told; returns the exit code. */
export async function changeCommand(context: Context, read: () => Promise<Change>, flags: ChangeFlags, way: Way): Promise<number> {
  const stream = new PushStream(createPushReport(context, flags.output));
  const { result, fault } = await change(context, read, flags, way, stream);
  if (flags.output === "json") context.out(JSON.stringify(result, null, 2));
  if (!fault) return 0;
  printFault(context, fault, flags);
  return fault.exitCode;
}

/** From the command line to the end of the agent's work. Never throws: what goes wrong is in the result. */
async function change(context: Context, read: () => Promise<Change>, flags: ChangeFlags, way: Way, stream: PushStream): Promise<Ended> {
  return await toItsEnd(context, stream, AGAIN, async (result, clock) => {
    const { place, accepted } = await stream.phase("plan", async () => {
      clock.start(readTimeout(flags));
      const { app, doing, request } = await read();
      result.app = app;
      const place = await findPlace(context, app, flags, way);
      result.namespace = place.namespace;
      stream.notice(`${doing} ${app} in namespace ${place.namespace} at ${place.connection.server}`);
      const body = { ...request, id: crypto.randomUUID() };
      return { place, accepted: await place.connection.client.createRevision({ namespace: place.namespace, app, body }, { signal: clock.signal }) };
    });
    return await seeThrough(place, accepted, { stream, result, wait: flags.wait, signal: clock.signal });
  });
}

function readTimeout({ wait, timeout }: ChangeFlags): number | undefined {
  checkTogether({ "--no-wait": !wait, "--timeout": timeout !== undefined }, "without waiting there is no time to be up");
  return timeout === undefined ? undefined : parseDuration("--timeout", timeout);
}

async function findPlace(context: Context, app: string, flags: ChangeFlags, way: Way): Promise<Place> {
  const connection = await context.connect(way);
  return { context, connection, namespace: pickNamespace(flags.namespace, context.env, connection), app };
}
