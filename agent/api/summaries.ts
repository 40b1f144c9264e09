import type { AppDetails, AppSummary, RevisionSummary, RouteCertificate } from "#shared/app";
import type { V1Deployment } from "#shared/kube/objects";
import type { Certificates } from "../certificates/certificates.ts";
import type { App, Revision } from "../objects/types.ts";
import { replicasOf } from "../objects/workload.ts";
import { describeSource } from "../result.ts";

/** An app as lists show it. `newest` is its newest revision. */
export function summarizeApp(app: App, deployment: V1Deployment | undefined, newest: Revision | undefined, certificates: Certificates): AppSummary {
  const { name, namespace } = app.metadata;
  const route = app.spec.routes[0];
  return {
    name,
    namespace,
    status: statusOf(app, newest),
    ready: deployment?.status?.readyReplicas ?? 0,
    instances: replicasOf(app.spec),
    revision: app.status?.revision ?? null,
    url: app.status?.revision !== undefined && route !== undefined ? certificates.urlOf(namespace, name, route) : null,
    routes: app.spec.routes,
  };
}

function statusOf(app: App, newest: Revision | undefined): AppSummary["status"] {
  if (app.metadata.deletionTimestamp) return "deleting";
  if (newest && !newest.status?.outcome) return "staging";
  if (app.status?.revision === undefined) return newest ? "failed" : "new";
  return replicasOf(app.spec) === 0 ? "stopped" : "live";
}

export function detailApp(
  summary: AppSummary,
  app: App,
  { certificates, envNames, revisions }: { certificates: RouteCertificate[]; envNames: string[]; revisions: readonly Revision[] },
): AppDetails {
  return {
    ...summary,
    scale: app.spec.instances,
    stopped: app.spec.stopped,
    port: app.spec.port,
    configurations: app.spec.configurations,
    envNames,
    image: app.status?.image ?? null,
    certificates,
    revisions: revisions.map(summarizeRevision),
  };
}

function summarizeRevision(revision: Revision): RevisionSummary {
  const { spec, status, metadata } = revision;
  return {
    number: spec.number,
    phase: status?.phase ?? "plan",
    outcome: status?.outcome ?? null,
    image: status?.image ?? null,
    source: describeSource(revision),
    from: spec.from ?? null,
    pods: spec.pods,
    createdAt: metadata.creationTimestamp ?? "",
    createdBy: spec.createdBy,
    phases: status?.phases ?? {},
    restorable: status?.outcome === "live" && status.image !== undefined,
    fault: status?.fault ? { code: status.fault.code, message: status.fault.message } : null,
  };
}
