import { expect, test } from "bun:test";
import { describeRight, type Role, rightsOf, roleName } from "#cli/doctor/rights";
import { manifest } from "#cli/install/manifests";
import { recordedClusters } from "#test/audit/recorded";
import { type Binding, refusedRequests, unusedRights } from "#test/audit/rights";

/* manifests/rbac.yaml and cert-manager.yaml against what the API server's audit log says of a whole run of the end-to-end tests. */

/** Rights that are needed and cannot be seen in the log, each with its reason. A right that is seen has no place here. */
const UNSEEN: Record<string, string> = {
  "ClusterRole davit-agent: bind clusterroles.rbac.authorization.k8s.io davit-tenant": "asked about within the request that makes the RoleBinding",
  "ClusterRole davit-tenant: create pods/exec": "since Kubernetes 1.35 asked about beside `get`, within the same request",
  "Role davit/davit-agent: create secrets davit-registry-public-tls":
    "with --node-trust public and without cert-manager, which the run never is at once",
  "Role davit/davit-agent: patch secrets davit-registry-public-tls": "the same",
  "Role davit-staging/davit-agent: create pods/attach": "since Kubernetes 1.35 asked about beside `get`, within the same request",
};
/** Roles for people: the agent asks about them for whoever calls it, and nobody uses them at the API server. */
const PEOPLE = ["davit-developer", "davit-viewer", "davit-admin"];

const requests = (await recordedClusters(process.env)).flatMap((cluster) => cluster.requests);
const objects = [...manifest("rbac"), ...manifest("certManager")];
const roles = objects.filter(({ kind }) => kind === "ClusterRole" || kind === "Role") as Role[];
const rights = roles.filter(({ metadata }) => !PEOPLE.includes(metadata?.name ?? "")).flatMap(rightsOf);

test("the log holds the run", () => {
  expect(requests.length).toBeGreaterThan(1000);
});

test("no account of davit's but the agent's asks the API server anything", () => {
  expect([...new Set(requests.map(({ user }) => user))]).toEqual(["system:serviceaccount:davit:davit-agent"]);
});

test("the agent was refused nothing", () => {
  const refused = refusedRequests(requests).map(({ at, verb, resource, namespace, name }) =>
    [new Date(at).toISOString(), verb, resource, namespace, name].join(" "),
  );
  expect(refused).toEqual([]);
});

test("every right that a role gives was used, or is known to be used unseen", () => {
  expect(unusedRights(rights, requests).map(describeRight).sort()).toEqual(Object.keys(UNSEEN).sort());
});

test("the agent was allowed by davit's own roles only", () => {
  const others = new Set(requests.filter(({ allowed }) => allowed).map(({ role }) => role));
  const bound = (objects.filter(({ kind }) => kind === "ClusterRoleBinding" || kind === "RoleBinding") as Binding[]).map(
    ({ roleRef }) => roleRef.name,
  );
  const given = roles.filter(({ metadata }) => ["davit-tenant", ...bound].includes(metadata?.name ?? "")).map(roleName);
  expect([...others].filter((role) => !given.includes(role))).toEqual([]);
});
