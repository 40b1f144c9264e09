import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeRight, type Role, type Rule, rightsOf, roleName } from "#cli/doctor/rights";
import { allManifests } from "#cli/install/manifests";
import { type AuditedRequest, parseRequest, requestsOfDavit } from "#test/audit/requests";
import { type Binding, refusedRequests, unusedRights } from "#test/audit/rights";

const AGENT = "system:serviceaccount:davit:davit-agent";

/** A line of the audit log, as the API server writes it at level Metadata. */
function line(verb: string, resource: string, more: { user?: string; by?: string; code?: number; name?: string; second?: number } = {}): string {
  const { user = AGENT, by = 'ClusterRoleBinding "davit-agent" of ClusterRole "davit-agent"', code = 200, name, second = 0 } = more;
  const [plural, subresource] = resource.split("/");
  const annotations = by
    ? { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": `RBAC: allowed by ${by} to ServiceAccount "davit-agent/davit"` }
    : { "authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": "" };
  return JSON.stringify({
    kind: "Event",
    stage: "ResponseComplete",
    requestURI: `/api/v1/namespaces/shop/${resource}`,
    verb,
    user: { username: user, groups: [] },
    objectRef: { resource: plural, ...(subresource ? { subresource } : {}), namespace: "shop", ...(name ? { name } : {}), apiVersion: "v1" },
    responseStatus: { code: by ? code : 403 },
    requestReceivedTimestamp: new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString(),
    annotations,
  });
}

const asked = (...parameters: Parameters<typeof line>): AuditedRequest => parseRequest(line(...parameters));
const role = (name: string, rules: Rule[], namespace?: string): Role => ({
  kind: namespace ? "Role" : "ClusterRole",
  metadata: { name, ...(namespace ? { namespace } : {}) },
  rules,
});
const unused = (roles: Role[], ...requests: AuditedRequest[]) => unusedRights(roles.flatMap(rightsOf), requests).map(describeRight);

test("a line of the audit log is a request with the role that allowed it", () => {
  expect(asked("get", "pods/log", { name: "web", by: 'RoleBinding "davit-tenant/shop" of ClusterRole "davit-tenant"' })).toMatchObject({
    at: Date.UTC(2030, 0, 1),
    user: AGENT,
    verb: "get",
    group: "",
    resource: "pods/log",
    namespace: "shop",
    name: "web",
    allowed: true,
    role: "ClusterRole davit-tenant",
  });
  expect(asked("get", "secrets", { by: 'RoleBinding "davit-agent/shop" of Role "davit-agent"' }).role).toBe("Role shop/davit-agent");
  expect(asked("get", "secrets", { by: "" })).toMatchObject({ allowed: false, role: "" });
});

test("a right is used by a request that its own role allowed, and by no other", () => {
  const roles = [role("davit-agent", [{ apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get", "list"] }])];
  expect(unused(roles)).toEqual(["get pods", "list pods", "get pods/log", "list pods/log"].map((right) => `ClusterRole davit-agent: ${right}`));
  const elsewhere = asked("list", "pods/log", { by: 'RoleBinding "x/shop" of ClusterRole "davit-tenant"' });
  expect(unused(roles, asked("get", "pods", { name: "web" }), asked("list", "pods"), elsewhere, asked("get", "pods/log", { by: "" }))).toEqual([
    "ClusterRole davit-agent: get pods/log",
    "ClusterRole davit-agent: list pods/log",
  ]);
});

test("to apply what is not there needs create as well, and a right to one object is used by asking for that one", () => {
  const applying = [role("davit-agent", [{ apiGroups: [""], resources: ["services"], verbs: ["create", "patch"] }])];
  expect(unused(applying, asked("patch", "services", { name: "web", code: 200 }))).toEqual(["ClusterRole davit-agent: create services"]);
  expect(unused(applying, asked("patch", "services", { name: "web", code: 201 }))).toEqual([]);
  const named = [role("davit-agent", [{ apiGroups: [""], resources: ["secrets"], resourceNames: ["a", "b"], verbs: ["get"] }], "davit")];
  expect(unused(named, { ...asked("get", "secrets", { name: "a" }), role: "Role davit/davit-agent" })).toEqual([
    "Role davit/davit-agent: get secrets b",
  ]);
});

test("what was refused counts, unless the same was allowed within seconds, when a binding was new or going", () => {
  const lagging = [asked("get", "secrets", { by: "", second: 0 }), asked("get", "secrets", { second: 1 })];
  expect(refusedRequests(lagging)).toEqual([]);
  const late = [asked("get", "secrets", { by: "", second: 0 }), asked("get", "secrets", { second: 30 })];
  expect(refusedRequests(late)).toEqual(late.slice(0, 1));
  const other = [
    asked("get", "secrets", { by: "" }),
    asked("list", "secrets"),
    asked("get", "secrets", { user: "system:serviceaccount:davit:other" }),
  ];
  expect(refusedRequests(other)).toEqual(other.slice(0, 1));
});

test("the log is read with what was rotated away from it, for davit's accounts and the time of the run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "davit-audit-"));
  try {
    writeFileSync(
      join(folder, "audit-2030-01-01T00-00-05.000.log"),
      `${line("get", "pods", { second: 1 })}\n${line("list", "pods", { second: 4 })}\n`,
    );
    const others = ["admin", "system:serviceaccount:davit-shop:x", "system:serviceaccount:shop:davit-agent"].map((user) =>
      line("get", "pods", { user, second: 6 }),
    );
    writeFileSync(
      join(folder, "audit.log"),
      `${[...others, line("watch", "pods", { second: 6 }), line("delete", "pods", { second: 9 })].join("\n")}\n`,
    );
    const found = await requestsOfDavit(join(folder, "audit.log"), { from: Date.UTC(2030, 0, 1, 0, 0, 3), to: Date.UTC(2030, 0, 1, 0, 0, 7) });
    expect(found.map(({ verb }) => verb)).toEqual(["list", "watch"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const objects = allManifests();
const roles = objects.filter(({ kind }) => kind === "ClusterRole" || kind === "Role") as Role[];
const bindings = objects.filter(({ kind }) => kind === "ClusterRoleBinding" || kind === "RoleBinding") as Binding[];

test("no role of davit's says more than it lists: no wildcard, no escalation, nobody else's name", () => {
  const words = roles.flatMap(({ rules = [] }) =>
    rules.flatMap(({ apiGroups = [], resources = [], verbs = [] }) => [...apiGroups, ...resources, ...verbs]),
  );
  expect(words.filter((word) => word.includes("*"))).toEqual([]);
  expect(words.filter((word) => ["escalate", "impersonate", "approve", "sign"].includes(word))).toEqual([]);
  expect(roles.flatMap(({ rules = [] }) => rules.flatMap(({ nonResourceURLs = [] }) => nonResourceURLs))).toEqual([]);
  expect(bindings.map(({ roleRef }) => roleRef.name).filter((name) => !name.startsWith("davit-"))).toEqual([]);
  // To bind a role is to have all that it gives.
  expect(
    roles
      .flatMap(rightsOf)
      .filter(({ verb }) => verb === "bind")
      .map(describeRight),
  ).toEqual(["ClusterRole davit-agent: bind clusterroles.rbac.authorization.k8s.io davit-tenant"]);
});

test("Secrets are open to the agent by name in davit, and as a whole only where they are its own work or a tenant's", () => {
  const secrets = roles.filter((candidate) => rightsOf(candidate).some(({ resource, name }) => resource === "secrets" && name === ""));
  expect(secrets.map(roleName)).toEqual(["ClusterRole davit-tenant", "Role davit-staging/davit-agent", "Role davit/davit-agent-certificates"]);
  // Nothing gives the tenants' role but the agent's own binding in a managed namespace.
  expect(bindings.filter(({ roleRef }) => roleRef.name === "davit-tenant")).toEqual([]);
});

test("roles for people are about davit's own resources only", () => {
  const people = roles.filter(({ metadata }) => ["davit-developer", "davit-viewer", "davit-admin"].includes(metadata?.name ?? ""));
  expect(people.length).toBe(3);
  expect(people.flatMap(rightsOf).filter(({ group }) => group !== "davit.dev")).toEqual([]);
});
