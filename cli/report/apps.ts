import type { AppDetails, AppSummary } from "#shared/app";
import { table } from "./table.ts";
import { formatAge, formatMs } from "./units.ts";

/** Apps as a table; nothing for none. */
export function appTable(apps: readonly AppSummary[], withNamespace: boolean): string[] {
  if (apps.length === 0) return [];
  const rows = apps.map((app) => [
    ...(withNamespace ? [app.namespace] : []),
    app.name,
    app.status,
    `${app.ready}/${app.instances}`,
    app.revision,
    app.url,
  ]);
  return table([...(withNamespace ? ["namespace"] : []), "name", "status", "ready", "revision", "url"], rows);
}

/** One app in full, then its revisions. */
export function appLines(app: AppDetails, now: number): string[] {
  const rows: [string, string][] = [
    ["name", app.name],
    ["namespace", app.namespace],
    ["status", app.status],
    ["url", app.url ?? "-"],
    ["routes", app.routes.join(", ") || "-"],
    ["ready", `${app.ready}/${app.instances}`],
    ["port", String(app.port)],
    ["env", app.envNames.join(", ") || "-"],
    ["image", app.image ?? "-"],
  ];
  const lines = rows.map(([label, value]) => `${label.padEnd(9)}  ${value}`);
  return app.revisions.length === 0 ? lines : [...lines, "", ...revisionTable(app, now)];
}

function revisionTable({ revisions }: AppDetails, now: number): string[] {
  return table(
    ["revision", "outcome", "age", "by", "took", "why"],
    revisions.map(({ number, outcome, phase, createdAt, createdBy, phases, fault }) => {
      const ms = Object.values(phases).reduce((sum, each) => sum + each, 0);
      return [number, outcome ?? phase, formatAge(createdAt, now), createdBy, ms === 0 ? null : formatMs(ms), fault ? fault.code : null];
    }),
  );
}
