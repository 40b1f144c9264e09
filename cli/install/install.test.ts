import { afterAll, beforeAll, expect, test } from "bun:test";
import type { KubeObject, V1ConfigMap, V1DaemonSet, V1Secret } from "#shared/kube/objects";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { newAuthority } from "#shared/tls/signing";
import { type ControlPlane, pretendKubelet, startControlPlane } from "#test/control-plane";
import { examplesAt, runLine, sourceAsDavit } from "#test/examples";
import { temporaryFolder } from "#test/temporary";
import { nameOf } from "./apply.ts";
import { type InstallEvent, install, prepare } from "./install.ts";
import { installedOptions } from "./installed.ts";
import type { InstallFlags } from "./options.ts";
import { renderStatus, status } from "./status.ts";
import { takeInventory, uninstall } from "./uninstall.ts";

/** One cluster, one story: an installation's life, told in the order of the tests. */
let plane: ControlPlane;
const stop = new AbortController();
const flags: InstallFlags = { domain: "apps.example.com", images: {}, mirrors: [], certsDirs: [], podCidrs: [] };
const KINDS = [
  "v1/Namespace",
  "v1/Service",
  "v1/Secret",
  "v1/ConfigMap",
  "v1/PersistentVolumeClaim",
  "apps/v1/Deployment",
  "apps/v1/DaemonSet",
  "networking.k8s.io/v1/Ingress",
];
const CLUSTER_KINDS = [
  "rbac.authorization.k8s.io/v1/ClusterRole",
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
  "apiextensions.k8s.io/v1/CustomResourceDefinition",
];

beforeAll(async () => {
  plane = await startControlPlane();
  for (const namespace of ["davit", "davit-node"]) void pretendKubelet(plane.admin, namespace, stop.signal);
}, 90_000);
afterAll(async () => {
  stop.abort();
  await plane[Symbol.asyncDispose]();
});

async function setUp(more: Partial<InstallFlags> = {}) {
  const events: InstallEvent[] = [];
  const changes = await install(plane.admin, await prepare(plane.admin, { ...flags, ...more }), {
    signal: AbortSignal.timeout(60_000),
    tell: (event) => events.push(event),
  });
  return { changes, events };
}

/** davit's objects that the API server has, with the versions it gave them. */
async function versions(kinds = KINDS): Promise<Record<string, string>> {
  const lists = await Promise.all(kinds.map((kind) => plane.admin.list<KubeObject>(refOf(kind), { labels: "app.kubernetes.io/managed-by=davit" })));
  return Object.fromEntries(
    lists.flat().map(({ kind, metadata }) => [`${kind} ${metadata?.namespace}/${metadata?.name}`, metadata?.resourceVersion ?? ""]),
  );
}

function refOf(kind: string) {
  const cut = kind.lastIndexOf("/");
  return { apiVersion: kind.slice(0, cut), kind: kind.slice(cut + 1) };
}

async function secrets(): Promise<Record<string, V1Secret["data"]>> {
  const list = await plane.admin.list<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit" });
  return Object.fromEntries(list.map((secret) => [secret.metadata?.name, secret.data]));
}

const pem = (data: V1Secret["data"], key: string) => Buffer.from(data?.[key] ?? "", "base64").toString();

test("a cluster that is not fit is told all that is missing at once, and stays as it is", async () => {
  const error = await setUp({ storageClass: "fast" }).catch((thrown) => thrown);
  expect(error).toMatchObject({
    code: "preflight_failed",
    details: { storage: expect.stringContaining("no StorageClass 'fast'"), ingress: expect.stringContaining("no default IngressClass") },
  });
  expect(await versions()).toEqual({});
});

test("somebody without the rights is told which", async () => {
  const rules = [
    { apiGroups: [""], resources: ["nodes", "services", "configmaps", "persistentvolumeclaims"], verbs: ["get", "list"] },
    { apiGroups: ["apps"], resources: ["deployments", "daemonsets"], verbs: ["get"] },
    { apiGroups: ["storage.k8s.io", "networking.k8s.io"], resources: ["storageclasses", "ingressclasses"], verbs: ["list"] },
  ];
  const rbac = "rbac.authorization.k8s.io";
  await plane.admin.apply({ apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name: "reader" }, rules } as KubeObject);
  const roleRef = { apiGroup: rbac, kind: "ClusterRole", name: "reader" };
  await plane.admin.apply({
    apiVersion: `${rbac}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name: "reader" },
    roleRef,
    subjects: [{ apiGroup: rbac, kind: "User", name: "nobody" }],
  } as KubeObject);
  // The API server acts on a new binding only a moment after it was made.
  while (!(await plane.nobody.fetch("/api/v1/nodes")).ok) await Bun.sleep(10);
  const error = await install(plane.nobody, await prepare(plane.nobody, flags), { signal: AbortSignal.timeout(60_000), tell: () => {} }).catch(
    (thrown) => thrown,
  );
  expect(error.code).toBe("preflight_failed");
  expect(error.details.permissions).toContain("create clusterroles");
  expect(error.details.permissions).toContain("patch secrets in davit");
  expect(error.details.permissions).not.toContain("get deployments");
});

test("without a domain the fault says which flag, and takes the answer of a person who is asked", async () => {
  const { domain: _, ...without } = flags;
  await expect(prepare(plane.admin, without)).rejects.toMatchObject({ code: "usage", message: expect.stringContaining("--domain") });
  expect((await prepare(plane.admin, without, { askDomain: async () => "asked.example.com" })).options.domain).toBe("asked.example.com");
});

test("not installed says so", async () => {
  await expect(status(plane.admin)).rejects.toMatchObject({ code: "not_installed" });
});

test("the first installation makes everything and waits until it is ready", async () => {
  const yes = "true";
  await plane.admin.apply({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": yes } },
    provisioner: "x",
  } as KubeObject);
  await plane.admin.apply({
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: "web", annotations: { "ingressclass.kubernetes.io/is-default-class": yes } },
    spec: { controller: "x/y" },
  } as KubeObject);
  await plane.admin.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels: { "kubernetes.io/os": "linux" } } } as KubeObject);
  await plane.admin.json("/api/v1/nodes/n1/status", {
    method: "PATCH",
    contentType: "application/merge-patch+json",
    body: { status: { nodeInfo: { kubeletVersion: "v1.36.0+k3s1", containerRuntimeVersion: "containerd://2.1.0", operatingSystem: "linux" } } },
  });
  const { changes, events } = await setUp();
  expect(changes).toMatchObject({ changed: 0, unchanged: 0 });
  expect(
    events
      .filter((event) => event.type === "waiting" && event.done)
      .map((event) => event.type === "waiting" && event.name)
      .sort(),
  ).toEqual(["agent", "node-trust", "registry", "s3"]);
  const found = await status(plane.admin);
  expect(found).toMatchObject({ healthy: true, url: "https://davit.apps.example.com", apps: "https://NAME.apps.example.com" });
  // The agent, which would make the one of the whole domain, does not run here.
  expect(renderStatus(found)).toMatch(/^certificate +agent: of .*davit.*, until \d{4}-\d\d-\d\d$/m);
  expect(found.certificates.map(({ of, issuer }) => [of, issuer !== null])).toEqual([
    ["agent", true],
    ["s3", true],
    ["registry", true],
    ["wildcard", false],
  ]);
  const trust = await plane.admin.get<V1DaemonSet>({ apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node", name: "davit-node-trust" });
  expect(trust?.spec?.template.spec?.volumes?.flatMap((volume) => volume.hostPath?.path ?? [])).toEqual([
    "/var/lib/rancher/k3s/agent/etc/containerd/certs.d",
  ]);
}, 60_000);

test("the second changes nothing, with the same flags or with none", async () => {
  const before = await versions();
  expect((await setUp()).changes).toMatchObject({ created: 0, changed: 0 });
  expect((await setUp({ domain: undefined })).changes).toMatchObject({ created: 0, changed: 0 });
  expect(await versions()).toEqual(before);
});

test("what an older davit has left behind, and nothing uses, goes", async () => {
  const jwks = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-registry-jwks" };
  await plane.admin.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "davit", name: jwks.name } });
  await setUp();
  expect(await plane.admin.get(jwks)).toBeUndefined();
});

test("another domain keeps every key and certificate; the agent issues those that it needs", async () => {
  const before = await secrets();
  await setUp({ domain: "new.example.com" });
  expect(await secrets()).toEqual(before);
});

/** Fingerprints of the CAs that everybody trusts. */
async function trusted(): Promise<string[]> {
  const names = ["davit", "davit-staging", "davit-node"].map((namespace) => ({ namespace, name: "davit-trust" }));
  const bundles = await Promise.all(names.map((name) => plane.admin.get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", ...name })));
  expect(new Set(bundles.flatMap((bundle) => [bundle?.data?.["ca.crt"], bundle?.data?.["registry.crt"]])).size).toBe(1);
  return certificatesIn(bundles[0]?.data?.["ca.crt"] ?? "").map(fingerprintOf);
}

test("a CA that the admin brings takes the place of davit's own when everybody trusts both, and gives it back", async () => {
  const [own] = await trusted();
  const theirs = await newAuthority();
  const ca = { "tls.crt": theirs.certificate, "tls.key": theirs.key.reveal() };
  const [brought] = certificatesIn(theirs.certificate).map(fingerprintOf);
  const seen: string[] = [];
  const bring = async () => {
    const prepared = await prepare(plane.admin, { ...flags, issuer: { issuer: "byo", files: "ca" } }, { given: { ca } });
    await install(plane.admin, prepared, {
      signal: AbortSignal.timeout(60_000),
      tell: (event) => {
        if (event.type === "applied" && event.change === "changed") seen.push(nameOf(event.object));
      },
    });
  };
  await bring();
  expect(await trusted()).toEqual([brought ?? "", own ?? ""]);
  expect(pem((await secrets())["davit-ca"], "tls.crt")).toBe(theirs.certificate);
  expect(Object.keys(await secrets())).not.toContain("davit-ca-next");
  // Once with the trust of both, once with the CA.
  expect(seen.filter((name) => name === "DaemonSet davit-node/davit-node-trust").length).toBe(2);
  seen.length = 0;
  await bring();
  expect(seen).toEqual([]);

  await setUp({ issuer: { issuer: "private-ca" } });
  const [next, before] = await trusted();
  expect(before).toBe(brought);
  expect([own, brought]).not.toContain(next);
  expect((await setUp()).changes).toMatchObject({ created: 0, changed: 0 });
}, 60_000);

test("an issuer that cannot be used is told before anything is changed", async () => {
  const before = await versions();
  const wrong = async (issuer: NonNullable<InstallFlags["issuer"]>) => (await setUp({ issuer }).catch((thrown) => thrown)).details?.issuer;
  expect(await wrong({ issuer: "acme" })).toContain("needs cert-manager, which is not there");
  expect(await wrong({ issuer: "existing:ClusterIssuer/ours" })).toContain("needs cert-manager, which is not there");
  expect(await wrong({ issuer: "byo", tlsSecret: "mine" })).toContain("the Secret davit/mine is not there");
  expect(await versions()).toEqual(before);
});

test("the options are kept for the next installation, and damaged ones are not taken for none", async () => {
  await setUp({ keepRevisions: 5, mirrors: ["docker.io=http://mirror:1"], certsDirs: ["/certs"] });
  const { images: _, ...kept } = (await prepare(plane.admin, { images: {}, mirrors: [], certsDirs: [], podCidrs: [] })).options;
  expect(await installedOptions(plane.admin)).toMatchObject(kept);
  expect(kept).toMatchObject({ domain: "apps.example.com", keepRevisions: 5, mirrors: ["docker.io=http://mirror:1"], certsDirs: ["/certs"] });
  const name = { namespace: "davit", name: "davit-install" };
  await plane.admin.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: name, data: { "options.json": "{" } } as KubeObject);
  expect(await prepare(plane.admin, flags).catch((thrown) => thrown)).toMatchObject({
    code: "preflight_failed",
    message: expect.stringContaining("davit-install"),
  });
  await plane.admin.remove({ apiVersion: "v1", kind: "ConfigMap", ...name });
  await setUp({ domain: "new.example.com" });
});

test("what is not ready is named, with the reason", async () => {
  stop.abort();
  const deadline = new AbortController();
  const tell = (event: InstallEvent) => event.type === "waiting" && event.name === "s3" && event.reason && deadline.abort();
  const late = install(plane.admin, await prepare(plane.admin, { ...flags, images: { s3: "other:2" } }), { signal: deadline.signal, tell });
  expect(await late.catch((thrown) => thrown)).toMatchObject({ code: "deadline", message: expect.stringContaining("s3:") });
  expect(await status(plane.admin)).toMatchObject({
    healthy: false,
    components: expect.arrayContaining([expect.objectContaining({ name: "s3", healthy: false })]),
  });
});

test("uninstall keeps apps, their namespaces and the kinds; with apps it leaves nothing", async () => {
  const tell = () => {};
  const resume = new AbortController();
  for (const namespace of ["davit", "davit-node"]) void pretendKubelet(plane.admin, namespace, resume.signal);
  await plane.admin.apply({
    apiVersion: "davit.dev/v1alpha1",
    kind: "App",
    metadata: { name: "hello", namespace: "apps", finalizers: ["davit.dev/cleanup"] },
    spec: { routes: [], instances: 1, stopped: false, port: 8080, configurations: [] },
  } as KubeObject);
  const inventory = await takeInventory(plane.admin);
  expect(inventory).toMatchObject({ installed: true, apps: ["apps/hello"], tenants: ["apps"], volumes: ["davit/registry-data", "davit/s3-data"] });

  const first = await uninstall(plane.admin, inventory, { apps: false, signal: AbortSignal.timeout(60_000), tell });
  expect(first.kept).toEqual(["CustomResourceDefinition apps.davit.dev", "CustomResourceDefinition revisions.davit.dev", "Namespace apps"]);
  expect(Object.keys(await versions([...KINDS, ...CLUSTER_KINDS])).sort()).toEqual(
    [
      "Namespace undefined/apps",
      "CustomResourceDefinition undefined/apps.davit.dev",
      "CustomResourceDefinition undefined/revisions.davit.dev",
    ].sort(),
  );

  await uninstall(plane.admin, await takeInventory(plane.admin), { apps: true, signal: AbortSignal.timeout(60_000), tell });
  resume.abort();
  expect(await versions([...KINDS, ...CLUSTER_KINDS])).toEqual({});
  expect((await takeInventory(plane.admin)).installed).toBe(false);
}, 120_000);

test("the examples of install, status and uninstall work as they are written", async () => {
  const resume = new AbortController();
  for (const namespace of ["davit", "davit-node"]) void pretendKubelet(plane.admin, namespace, resume.signal);
  await using folder = await temporaryFolder();
  const bin = await sourceAsDavit(folder.path);
  for (const line of examplesAt("control-plane")) {
    const { code, stderr } = await runLine(line, { bin, cwd: folder.path, env: { KUBECONFIG: plane.kubeconfig } });
    expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining("davit:")]);
  }
  resume.abort();
  // The last of them takes all of it away.
  expect((await takeInventory(plane.admin)).installed).toBe(false);
}, 120_000);
