import type { AppDetails, AppSummary, RouteCertificate } from "#shared/app";
import { describeRevision, revisionTable } from "./revisions.ts";
import { table } from "./table.ts";

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
  const last = app.revisions[0];
  const rows: [string, string][] = [
    ["name", app.name],
    ["namespace", app.namespace],
    ["status", app.status],
    ["url", app.url ?? "-"],
    ["routes", app.routes.join(", ") || "-"],
    ...app.certificates.map((one): [string, string] => ["certificate", certificateOf(one)]),
    ["instances", instancesOf(app)],
    ["port", String(app.port)],
    ["env", app.envNames.join(", ") || "-"],
    ["configurations", app.configurations.join(", ") || "-"],
    ["image", app.image ?? "-"],
    ["last push", last ? describeRevision(last, now) : "-"],
  ];
  const lines = rows.map(([label, value]) => `${label.padEnd(14)}  ${value}`);
  return app.revisions.length === 0 ? lines : [...lines, "", ...revisionTable(app, now)];
}

function certificateOf({ host, reason, issuer, notAfter }: RouteCertificate): string {
  return reason === null ? `${host}: of ${issuer}, until ${notAfter?.slice(0, 10)}` : `${host}: none, ${reason}`;
}

function instancesOf({ ready, instances, stopped, scale }: AppDetails): string {
  return stopped ? `none, stopped (${scale} when started)` : `${ready} of ${instances} ready`;
}
