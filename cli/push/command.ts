import type { Way } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { printFault } from "../report/fault.ts";
import { createPushReport } from "../report/push-report.ts";
import { describeDryRun, dryRun } from "./dry-run.ts";
import { attach, push } from "./push.ts";
import type { PushFlags } from "./settings.ts";
import { PushStream } from "./stream.ts";

/** `davit push` behind its flags: reports as they ask, and returns the exit code. */
export async function pushCommand(context: Context, flags: PushFlags, way: Way): Promise<number> {
  if (flags.dryRun && !flags.attach && flags.output !== "events") {
    const found = await dryRun(context, flags, way);
    for (const line of flags.output === "json" ? [JSON.stringify(found, null, 2)] : describeDryRun(found)) context.out(line);
    return 0;
  }
  const stream = new PushStream(createPushReport(context, flags.output));
  const { fault } = await (flags.attach ? attach : push)(context, flags, way, stream);
  if (!fault) return 0;
  printFault(context, fault, flags);
  return fault.exitCode;
}
