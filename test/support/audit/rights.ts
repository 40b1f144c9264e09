import type { Right } from "#cli/doctor/rights";
import type { KubeObject } from "#shared/kube/objects";
import type { AuditedRequest } from "./requests.ts";

export type Binding = KubeObject & { roleRef: { kind: string; name: string }; subjects?: { kind: string; name: string; namespace?: string }[] };

/** The rights that no request made use of. A request counts for the role that the API server says allowed it, and for no other. */
export function unusedRights(rights: readonly Right[], requests: readonly AuditedRequest[]): Right[] {
  const used = new Set(
    requests
      .filter(({ allowed }) => allowed)
      .flatMap(rightsUsed)
      .map(keyOf),
  );
  return rights.filter((right) => !used.has(keyOf(right)));
}

/** A request needs the verb for the resource, or for the object of that name; applying what is not there yet needs `create` as well. */
function rightsUsed(request: AuditedRequest): Right[] {
  const verbs = request.verb === "patch" && request.created ? ["patch", "create"] : [request.verb];
  return verbs.flatMap((verb) => [request.name, ""].map((name) => ({ ...request, verb, name })));
}

function keyOf({ role, verb, group, resource, name }: Right): string {
  return [role, verb, group, resource, name].join(" ");
}

/** A binding that was made or is being removed works a moment later only. */
const LAG_MS = 5000;

/**
 * The requests that were refused although they should not have been. Left out are those that the same account was allowed
 * shortly before or after: the API server had not heard of a binding yet, or the namespace with the binding was being deleted.
 */
export function refusedRequests(requests: readonly AuditedRequest[]): AuditedRequest[] {
  const allowedAt = Map.groupBy(
    requests.filter(({ allowed }) => allowed),
    whatAndWhere,
  );
  return requests.filter(
    (request) => !request.allowed && !allowedAt.get(whatAndWhere(request))?.some(({ at }) => Math.abs(at - request.at) < LAG_MS),
  );
}

function whatAndWhere({ user, verb, group, resource, namespace }: AuditedRequest): string {
  return [user, verb, group, resource, namespace].join(" ");
}
