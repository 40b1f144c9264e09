import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PushRequest } from "#shared/app";
import { Fault } from "#shared/fault";
import type { PushResult } from "#shared/push-event";
import { quote } from "#shared/source/source-fault";
import type { Connection, Way } from "../agent-client/connect.ts";
import { pickNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { isFolder } from "../manifest/find.ts";
import type { PushOrder } from "./orders.ts";
import type { PushSource } from "./source.ts";

/** A push that can begin: what is asked for, and whom. `request` has no tree yet. */
export interface PushJob extends PushOrder {
  context: Context;
  request: PushRequest;
  namespace: string;
  connection: Connection;
}

/**
 * Checks the source and finds the agent; everything that can be wrong on this side is found before the agent is asked.
 * What becomes known is written to `result`, for a failure's sake.
 * @throws Fault
 */
export async function prepare(context: Context, order: PushOrder, way: Way, result: PushResult): Promise<PushJob> {
  result.app = order.app.name;
  if (!order.flags.attach) checkSource(order.source);
  const connection = await context.connect(way);
  const namespace = pickNamespace(order.settings.namespace, context.env, connection);
  result.namespace = namespace;
  return { ...order, context, request: requestOf(order), namespace, connection };
}

/** @throws Fault source_not_found, no_dockerfile for a folder that has none; what else is wrong is told by the walk, in its own words */
export function checkSource(source: PushSource): void {
  if (source.kind !== "path") return;
  if (isNowhere(source.root)) throw new Fault("source_not_found", `${quote(source.root)} does not exist`, { details: { path: source.root } });
  if (!isFolder(source.root)) return;
  if (existsSync(join(source.root, "Dockerfile")) || isEmpty(source.root)) return;
  throw new Fault("no_dockerfile", `there is no Dockerfile in ${source.root}`, { details: { path: source.root } });
}

function isNowhere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function requestOf({ flags, settings, source }: PushOrder): PushRequest {
  const { name: _, namespace: __, source: ___, ...request } = settings;
  return { ...request, ...(source.kind === "path" ? {} : { source }), ...(flags.rebuild ? { rebuild: true } : {}) };
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return true;
  }
}
