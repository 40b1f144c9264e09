import type { KubeObject } from "#shared/kube/objects";

/** One right that a role gives: a verb on a resource, or on the one object of it that has this name. */
export interface Right {
  /** `ClusterRole davit-tenant`, `Role davit/davit-agent`. */
  role: string;
  verb: string;
  group: string;
  resource: string;
  /** Empty: every object. */
  name: string;
}

export interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export type Role = KubeObject & { rules?: Rule[] };

export function roleName({ kind, metadata }: KubeObject): string {
  return kind === "Role" ? `Role ${metadata?.namespace}/${metadata?.name}` : `ClusterRole ${metadata?.name}`;
}

/** Everything that a role gives, each right by itself. */
export function rightsOf(role: Role): Right[] {
  return (role.rules ?? []).flatMap(({ apiGroups = [], resources = [], verbs = [], resourceNames = [""] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.flatMap((verb) => resourceNames.map((name) => ({ role: roleName(role), verb, group, resource, name })))),
    ),
  );
}

/** As people write it: `ClusterRole davit-tenant: delete apps/deployments`. */
export function describeRight({ role, verb, group, resource, name }: Right): string {
  return `${role}: ${verb} ${group ? `${resource}.${group}` : resource}${name && ` ${name}`}`;
}
