import type { PushPlan } from "#shared/api";
import type { Way } from "../agent-client/connect.ts";
import type { Context } from "../context.ts";
import type { Origin } from "../manifest/merge.ts";
import { createPushReport } from "../report/push-report.ts";
import { count, formatBytes } from "../report/units.ts";
import { blankResult } from "./ending.ts";
import type { PushOrder } from "./orders.ts";
import { type PushJob, prepare } from "./prepare.ts";
import { askPlan } from "./push.ts";
import { readJobSource } from "./send.ts";
import type { PushSource } from "./source.ts";
import { PushStream } from "./stream.ts";

/** Where a value of the plan comes from: `app` is what the app has already. */
type PlanOrigin = Origin | "app" | "default";

/** What `davit push --dry-run -o json` prints for an app. */
export interface DryRun {
  plan: PushPlan;
  source: Exclude<PushSource, { kind: "path" }> | { kind: "path"; path: string; files: number; bytes: number };
  origins: Record<"name" | "namespace" | "source" | "routes" | "instances" | "port", PlanOrigin> &
    Record<"env" | "configurations" | "buildArgs", Record<string, PlanOrigin>>;
}

/** What a push would do. Nothing is sent and nothing is made. @throws Fault */
export async function dryRun(context: Context, order: PushOrder, way: Way): Promise<DryRun> {
  for (const notice of order.notices) context.err(notice);
  const job = await prepare(context, order, way, blankResult());
  const [plan, source] = await Promise.all([askPlan(job, context.signal), measure(job)]);
  return { plan, source, origins: originsOf(plan, order) };
}

async function measure(job: PushJob): Promise<DryRun["source"]> {
  const { context, source } = job;
  if (source.kind !== "path") return source;
  await using read = await readJobSource(job, source.root, new PushStream(createPushReport(context, "text")), context.signal);
  return { kind: "path", path: source.root, files: read.files, bytes: read.bytes };
}

/* What neither flag nor manifest says is what the app has, or for a new one davit's default. */
function originsOf({ isNew, envNames, configurations }: PushPlan, { origins, settings: { env = {} } }: PushOrder): DryRun["origins"] {
  const rest: PlanOrigin = isNew ? "default" : "app";
  const each = (names: readonly string[], known: Record<string, Origin>): Record<string, PlanOrigin> =>
    Object.fromEntries(names.map((name) => [name, known[name] ?? rest]));
  return {
    name: origins.name ?? "default",
    namespace: origins.namespace ?? "default",
    source: origins.source ?? "default",
    routes: origins.routes ?? rest,
    instances: origins.instances ?? rest,
    port: origins.port ?? rest,
    env: each([...new Set([...envNames, ...Object.keys(env)])].filter((name) => env[name] !== null).sort(), origins.env),
    configurations: each(configurations, origins.configurations),
    buildArgs: origins.buildArgs,
  };
}

/** The same for people. */
export function describeDryRun({ plan, source, origins }: DryRun): string[] {
  type Row = [label: string, value: string, origin?: PlanOrigin];
  const each = (label: string, members: Record<string, PlanOrigin>) => Object.entries(members).map(([name, origin]): Row => [label, name, origin]);
  const rows: Row[] = [
    ["app", `${plan.app}${plan.isNew ? " (new)" : ""}`, origins.name],
    ["namespace", plan.namespace, origins.namespace],
    ["source", describeSource(source), origins.source],
    ["routes", plan.routes.join(", ") || "none", origins.routes],
    ["instances", String(plan.instances), origins.instances],
    ["port", String(plan.port), origins.port],
    ...each("env", origins.env),
    ...each("configuration", origins.configurations),
    ...each("build arg", origins.buildArgs),
    ...plan.changes.map((change): Row => ["change", change]),
  ];
  return rows.map(([label, value, origin]) => `${label.padEnd(13)} ${value}${origin === undefined ? "" : `  [${origin}]`}`);
}

function describeSource(source: DryRun["source"]): string {
  switch (source.kind) {
    case "path":
      return `${source.path}: ${count(source.files, "file")}, ${formatBytes(source.bytes)}`;
    case "git":
      return `${source.url}, ${source.revision ?? "its default branch"}`;
    case "image":
      return source.image;
  }
}
