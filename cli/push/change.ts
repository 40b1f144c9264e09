import type { PushRequest } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { checkTogether, parseDuration } from "../flags.ts";
import { asFault, printFault } from "../report/fault.ts";
import { createPushReport } from "../report/push-report.ts";
import { watchClock } from "./clock.ts";
import { blankResult, type Ended, finish, followRevision, leave, type Place } from "./ending.ts";
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
  const result = blankResult();
  const clock = watchClock(context);
  try {
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
    if (accepted.outcome === "unchanged") return finish(stream, result, accepted.result);
    result.revision = accepted.revision;
    if (!flags.wait) return finish(stream, result, { ...result, outcome: "detached" });
    return finish(stream, result, await followRevision(place, accepted.revision, stream, clock.signal));
  } catch (error) {
    return leave(asFault(context, clock.signal.reason instanceof Fault ? clock.signal.reason : error), stream, result, AGAIN);
  } finally {
    clock.stop();
  }
}

function readTimeout({ wait, timeout }: ChangeFlags): number | undefined {
  checkTogether({ "--no-wait": !wait, "--timeout": timeout !== undefined }, "without waiting there is no time to be up");
  return timeout === undefined ? undefined : parseDuration("--timeout", timeout);
}

async function findPlace(context: Context, app: string, flags: ChangeFlags, way: Way): Promise<Place> {
  const connection = await context.connect(way);
  return { context, connection, namespace: pickNamespace(flags.namespace, context.env, connection), app };
}
