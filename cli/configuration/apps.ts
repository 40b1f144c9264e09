import type { PushRequest } from "#shared/app";
import type { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import type { Connection } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { blankResult, type Ended, leave, seeThrough } from "../push/ending.ts";

import { PushStream } from "../push/stream.ts";
import { asFault, printFault } from "../report/fault.ts";
import { createPushReport } from "../report/push-report.ts";

/** A change that all apps of a configuration go through. */
export interface AppsChange {
  apps: readonly string[];
  /** What goes on, as a sentence begins: `restarting`. */
  doing: string;
  request: PushRequest;
}

/** Where it is done, and how it is told. */
export interface AppsPlace {
  context: Context;
  connection: Connection;
  namespace: string;
  output: string;
  verbose: boolean;
}

/** What became of every app; `fault` is the first one's. */
export interface AppsEnded {
  results: PushResult[];
  fault: Fault | undefined;
}

/** Changes the apps side by side, each once, and tells of one after the other what became of it. One that fails stops no other. */
export async function changeApps(place: AppsPlace, { apps, doing, request }: AppsChange): Promise<AppsEnded> {
  const { context, connection, namespace } = place;
  const asked = apps.map((app) => {
    const body = { ...request, id: crypto.randomUUID() };
    return { app, accepted: connection.client.createRevision({ namespace, app, body }, { signal: context.signal }).then(done, failed) };
  });
  const ended: Ended[] = [];
  for (const { app, accepted } of asked) {
    const stream = new PushStream(createPushReport(context, place.output));
    stream.notice(`${doing} ${app} in namespace ${namespace}`);
    ended.push(await endOf(place, app, await accepted, stream));
  }
  const faults = ended.flatMap(({ fault }) => fault ?? []);
  for (const fault of faults) printFault(context, fault, place);
  return { results: ended.map(({ result }) => result), fault: faults[0] };
}

type Asked = { value: Awaited<ReturnType<Connection["client"]["createRevision"]>> } | { error: unknown };
const done = (value: Extract<Asked, { value: unknown }>["value"]): Asked => ({ value });
const failed = (error: unknown): Asked => ({ error });

async function endOf({ context, connection, namespace }: AppsPlace, app: string, asked: Asked, stream: PushStream): Promise<Ended> {
  const own: PushResult = { ...blankResult(), app, namespace };
  try {
    if ("error" in asked) throw asked.error;
    const place = { context, connection, namespace, app };
    return await seeThrough(place, asked.value, { stream, result: own, wait: true, signal: context.signal });
  } catch (error) {
    return leave(asFault(context, error), stream, own, "run the same command again");
  }
}
