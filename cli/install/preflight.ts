import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1IngressClass, V1PersistentVolumeClaim, V1StorageClass } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { nameOf } from "./apply.ts";
import type { InstallOptions } from "./options.ts";

/** CEL rules, server-side apply and the Pod security fields that davit uses are all stable from here on. */
const OLDEST_MINOR = 30;
const DEFAULT_STORAGE = "storageclass.kubernetes.io/is-default-class";
const DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class";

/** One thing that is in the way, and what to do about it. */
export interface Problem {
  check: "version" | "permissions" | "storage" | "ingress" | "nodes" | "issuer" | "gateway";
  problem: string;
  fix: string;
}

/**
 * Whether the cluster can take davit, before anything is changed in it; `known` are problems that were found already.
 * @throws Fault preflight_failed that names every problem with its fix
 */
export async function preflight(kube: Kube, options: InstallOptions, objects: KubeObject[], known: readonly Problem[]): Promise<void> {
  const found = await Promise.all([
    checkVersion(kube),
    checkPermissions(kube, objects),
    checkStorage(kube, options),
    options.gateway ? [] : checkIngress(kube, options),
  ]);
  const problems = [...found.flat(), ...known];
  if (problems.length === 0) return;
  const lines = problems.map(({ problem, fix }) => `- ${problem}\n  fix: ${fix}`);
  const details = Object.fromEntries(problems.map(({ check, problem, fix }) => [check, `${problem}; fix: ${fix}`]));
  throw new Fault("preflight_failed", `this cluster is not ready for davit; nothing was changed\n${lines.join("\n")}`, { details });
}

async function checkVersion(kube: Kube): Promise<Problem[]> {
  const { major, minor, gitVersion } = await kube.json<{ major: string; minor: string; gitVersion: string }>("/version");
  if (Number.parseInt(major, 10) > 1 || Number.parseInt(minor, 10) >= OLDEST_MINOR) return [];
  return [
    { check: "version", problem: `the server is Kubernetes ${gitVersion}; davit needs 1.${OLDEST_MINOR} or later`, fix: "upgrade the cluster" },
  ];
}

async function checkPermissions(kube: Kube, objects: KubeObject[]): Promise<Problem[]> {
  const needs = new Map(
    objects.flatMap((object) => ["get", "create", "patch"].map((verb) => needOf(object, verb))).map((need) => [JSON.stringify(need), need]),
  );
  const answers = await Promise.all([...needs.values()].map(async (need) => ({ need, allowed: await mayI(kube, need) })));
  const missing = answers
    .filter((answer) => !answer.allowed)
    .map(({ need }) => `${need.verb} ${need.resource}${need.namespace ? ` in ${need.namespace}` : ""}`);
  const fix = "use a context with the rights of a cluster administrator (--context NAME), or ask one to bind you to cluster-admin while you install";
  if (missing.length > 0) return [{ check: "permissions", problem: `you may not: ${missing.join(", ")}`, fix }];
  return checkEscalation(kube, objects, fix);
}

/** Nobody may hand out rights they do not have: only the API server itself knows whether you do. */
async function checkEscalation(kube: Kube, objects: KubeObject[], fix: string): Promise<Problem[]> {
  const roles = objects.filter((object) => object.kind === "ClusterRole");
  const refusals = await Promise.all(
    roles.map(async (role) =>
      kube.apply(role, { dryRun: true }).then(
        () => [],
        (error) => [{ role, error }],
      ),
    ),
  );
  return refusals.flat().map(({ role, error }) => {
    if (!(error instanceof Fault) || error.code !== "forbidden") throw error;
    return { check: "permissions", problem: `you may not give the rights of ${nameOf(role)}: ${error.message}`, fix };
  });
}

interface Need {
  verb: string;
  group: string;
  resource: string;
  namespace?: string;
}

function needOf(object: KubeObject, verb: string): Need {
  const { apiVersion = "", kind = "", metadata } = object;
  const resource = pathOf({ apiVersion, kind }).split("/").at(-1) ?? "";
  const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
  return { verb, group, resource, ...(metadata?.namespace ? { namespace: metadata.namespace } : {}) };
}

async function mayI(kube: Kube, resourceAttributes: Need): Promise<boolean> {
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } };
  return (await kube.json<{ status: { allowed: boolean } }>(path, { method: "POST", body })).status.allowed;
}

export async function checkStorage(kube: Kube, { storageClass }: InstallOptions): Promise<Problem[]> {
  const [classes, claims] = await Promise.all([
    kube.list<V1StorageClass>({ apiVersion: "storage.k8s.io/v1", kind: "StorageClass" }),
    kube.list<V1PersistentVolumeClaim>({ apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "davit" }),
  ]);
  const names = classes.map((one) => one.metadata?.name ?? "");
  const choose = `give one of the cluster's: ${names.map((name) => `--storage-class ${name}`).join(" or ")}`;
  const fix = names.length > 0 ? choose : "install a storage provisioner, for example https://github.com/rancher/local-path-provisioner";
  const bound = claims.find((claim) => claim.spec?.storageClassName && storageClass && claim.spec.storageClassName !== storageClass);
  if (bound) {
    const { metadata, spec } = bound;
    return [
      {
        check: "storage",
        problem: `the volume ${metadata?.name} is of StorageClass ${spec?.storageClassName} and stays so`,
        fix: `leave --storage-class out, or give --storage-class ${spec?.storageClassName}`,
      },
    ];
  }
  if (storageClass && !names.includes(storageClass)) return [{ check: "storage", problem: `there is no StorageClass '${storageClass}'`, fix }];
  if (storageClass || classes.some((one) => one.metadata?.annotations?.[DEFAULT_STORAGE] === "true")) return [];
  return [{ check: "storage", problem: "there is no default StorageClass", fix }];
}

export async function checkIngress(kube: Kube, { ingressClass }: InstallOptions): Promise<Problem[]> {
  const classes = await kube.list<V1IngressClass>({ apiVersion: "networking.k8s.io/v1", kind: "IngressClass" });
  const names = classes.map((one) => one.metadata?.name ?? "");
  const choose = `give one of the cluster's: ${names.map((name) => `--route-class ${name}`).join(" or ")}`;
  const fix = names.length > 0 ? choose : "install an ingress controller, for example https://doc.traefik.io/traefik/getting-started/kubernetes/";
  if (ingressClass && !names.includes(ingressClass)) return [{ check: "ingress", problem: `there is no IngressClass '${ingressClass}'`, fix }];
  if (ingressClass || classes.some((one) => one.metadata?.annotations?.[DEFAULT_INGRESS] === "true")) return [];
  return [{ check: "ingress", problem: "there is no default IngressClass", fix }];
}
