import type { Way } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { printFault } from "../report/fault.ts";
import { createPushReport } from "../report/push-report.ts";
import { describeDryRun, dryRun } from "./dry-run.ts";
import type { Ended } from "./ending.ts";
import { type PushOrder, readOrders } from "./orders.ts";
import { checkSource } from "./prepare.ts";
import { attach, push, refuse } from "./push.ts";
import type { PushFlags } from "./settings.ts";
import { PushStream } from "./stream.ts";

/** `davit push` behind its flags: reports as they ask, and returns the exit code. */
export async function pushCommand(context: Context, flags: PushFlags, way: Way): Promise<number> {
  if (flags.dryRun && !flags.attach && flags.output !== "events") return await showDryRun(context, flags, way);
  const newStream = () => new PushStream(createPushReport(context, flags.output));
  let orders: PushOrder[] = [];
  const ended: Ended[] = [];
  try {
    orders = await readAll(flags, context.cwd);
  } catch (error) {
    ended.push(refuse(context, error, newStream()));
  }
  // One after the other, because a later app may need an earlier one; the first that fails ends it.
  for (const order of orders) {
    const end = await (flags.attach ? attach : push)(context, order, way, newStream());
    ended.push(end);
    if (end.fault) break;
  }
  const results = ended.map(({ result }) => result);
  if (flags.output === "json") printJson(context, orders.length > 1 ? results : results[0]);
  const fault = ended.at(-1)?.fault;
  if (!fault) return 0;
  printFault(context, fault, flags);
  if (orders.length > 1) context.err(describeRest(orders, ended));
  return fault.exitCode;
}

/* Of several apps, what is wrong with the last is found before the first is pushed. */
async function readAll(flags: PushFlags, cwd: string): Promise<PushOrder[]> {
  const orders = await readOrders(flags, cwd);
  if (orders.length > 1) for (const { source } of orders) checkSource(source);
  return orders;
}

function describeRest(orders: readonly PushOrder[], ended: readonly Ended[]): string {
  const names = orders.map(({ app }) => app.name);
  const last = ended.length - 1;
  const list = (some: string[]) => some.join(", ") || "none";
  const parts = [
    `pushed: ${list(names.slice(0, last))}`,
    `${ended[last]?.result.outcome}: ${names[last]}`,
    `not begun: ${list(names.slice(last + 1))}`,
  ];
  return `davit: of the ${names.length} apps in ${orders[0]?.manifest}: ${parts.join("; ")}`;
}

async function showDryRun(context: Context, flags: PushFlags, way: Way): Promise<number> {
  const found = [];
  for (const order of await readAll(flags, context.cwd)) found.push(await dryRun(context, order, way));
  if (flags.output === "json") printJson(context, found.length > 1 ? found : found[0]);
  else for (const line of found.flatMap((each, index) => [...(index === 0 ? [] : [""]), ...describeDryRun(each)])) context.out(line);
  return 0;
}

/* One app is told as an object, several as an array. */
function printJson(context: Context, value: unknown): void {
  context.out(JSON.stringify(value, null, 2));
}
