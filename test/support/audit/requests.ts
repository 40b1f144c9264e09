import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { lines } from "#shared/lines";

/** One request that the API server has authorised or refused, as its audit log tells it. */
export interface AuditedRequest {
  /** Milliseconds since 1970. */
  at: number;
  user: string;
  verb: string;
  /** Empty for the core group. */
  group: string;
  /** With its subresource: `pods/log`. Empty for a path that is no resource. */
  resource: string;
  /** Empty outside namespaces, and for all of them at once. */
  namespace: string;
  /** Empty for a collection. */
  name: string;
  allowed: boolean;
  /** Something was made by it. */
  created: boolean;
  /** The role that allowed it: `ClusterRole davit-tenant`, `Role davit/davit-agent`; empty when none did. */
  role: string;
  /** What was asked for, query included. */
  uri: string;
}

interface AuditEvent {
  verb: string;
  user: { username: string };
  requestURI: string;
  requestReceivedTimestamp: string;
  responseStatus?: { code?: number };
  objectRef?: { resource?: string; subresource?: string; apiGroup?: string; namespace?: string; name?: string };
  annotations?: Record<string, string>;
}

const ALLOWED_BY = /allowed by \w+ "[^"]+" of (ClusterRole|Role) "([^"]+)"/;

/** The request of one line of the log. */
export function parseRequest(line: string): AuditedRequest {
  const event = JSON.parse(line) as AuditEvent;
  const { resource = "", subresource, apiGroup = "", namespace = "", name = "" } = event.objectRef ?? {};
  const [, kind = "", role = ""] = ALLOWED_BY.exec(event.annotations?.["authorization.k8s.io/reason"] ?? "") ?? [];
  return {
    at: Date.parse(event.requestReceivedTimestamp),
    user: event.user.username,
    verb: event.verb,
    group: apiGroup,
    resource: subresource ? `${resource}/${subresource}` : resource,
    namespace,
    name,
    allowed: event.annotations?.["authorization.k8s.io/decision"] === "allow",
    created: event.responseStatus?.code === 201,
    role: kind === "Role" ? `Role ${namespace}/${role}` : kind && `ClusterRole ${role}`,
    uri: event.requestURI,
  };
}

/**
 * The requests of a time that ServiceAccounts of davit's namespaces made. A long one is told twice: when it began and when it ended.
 * @param log path of the audit log; what was rotated away from it is read first
 */
export async function requestsOfDavit(log: string, { from, to }: { from: number; to: number }): Promise<AuditedRequest[]> {
  const found: AuditedRequest[] = [];
  for (const file of rotated(log)) {
    for await (const line of lines(Bun.file(file).stream())) {
      if (!OF_DAVIT.test(line)) continue;
      const request = parseRequest(line);
      if (request.at >= from && request.at <= to) found.push(request);
    }
  }
  return found;
}

const OF_DAVIT = /"user":\{"username":"system:serviceaccount:davit(-node|-staging)?:/;

function rotated(log: string): string[] {
  const prefix = basename(log, ".log");
  const older = readdirSync(dirname(log)).filter((name) => name.startsWith(`${prefix}-`) && name.endsWith(".log"));
  return [...older.sort(), basename(log)].map((name) => join(dirname(log), name));
}
