import type { PushPlan } from "#shared/api";
import type { Way } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import { createPushReport } from "../report/push-report.ts";
import { count, formatBytes } from "../report/units.ts";
import { blankResult, prepare } from "./prepare.ts";
import { askPlan } from "./push.ts";
import { readJobSource } from "./send.ts";
import type { PushFlags } from "./settings.ts";
import { PushStream } from "./stream.ts";

/** What `davit push --dry-run -o json` prints. */
export interface DryRun {
  plan: PushPlan;
  source: { path: string; files: number; bytes: number };
}

/** What a push would do. Nothing is sent and nothing is made. @throws Fault */
export async function dryRun(context: Context, flags: PushFlags, way: Way): Promise<DryRun> {
  const job = await prepare(context, flags, way, blankResult());
  const asked = askPlan(job, context.signal);
  const reading = readJobSource(job, new PushStream(createPushReport(context, "text")), context.signal);
  const [plan, { root, files, bytes }] = await Promise.all([asked, reading]);
  return { plan, source: { path: root, files, bytes } };
}

/** The same for people. */
export function describeDryRun({ plan, source }: DryRun): string[] {
  const rows: [string, string][] = [
    ["app", `${plan.app}${plan.isNew ? " (new)" : ""}`],
    ["namespace", plan.namespace],
    ["source", `${source.path}: ${count(source.files, "file")}, ${formatBytes(source.bytes)}`],
    ["routes", plan.routes.join(", ") || "none"],
    ["instances", String(plan.instances)],
    ["port", String(plan.port)],
    ...plan.changes.map((change): [string, string] => ["change", change]),
  ];
  return rows.map(([label, value]) => `${label.padEnd(10)} ${value}`);
}
