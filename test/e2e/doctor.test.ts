import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { builtInRegistry } from "#agent/images/built-in";
import { loginsFile, saveLogins } from "#cli/agent-client/logins";
import type { ReportedFinding } from "#cli/doctor/doctor";
import type { KubeObject, V1ConfigMap, V1DaemonSet, V1NetworkPolicy, V1Secret, V1Service } from "#shared/kube/objects";
import { registryKeyOf } from "#shared/registry/key";
import { Secret } from "#shared/secret";
import { handshake } from "#shared/tls/handshake";
import { type KeyPair, newAuthority, newLeaf } from "#shared/tls/signing";
import { davit, kube, kubectl, start } from "#test/lab";
import { labTest } from "#test/lab-test";
import { door } from "#test/member";
import { takeAway } from "#test/outage";
import { temporaryFolder } from "#test/temporary";

/*
 * `davit doctor` on the installation as it is, and on one that is broken in one place: it names that place, with what mends
 * it, and nothing else. Each place is put right again by the end of its test.
 */

const OTHER_TLS = "doctor-test";
const resources = new AsyncDisposableStack();
let env: Record<string, string> = {};

beforeAll(async () => {
  const machine = resources.use(await temporaryFolder());
  env = { XDG_CONFIG_HOME: join(machine.path, "config") };
  // Only where the agent is, and its CA, are read of a login.
  const { url, ca } = await door();
  saveLogins(loginsFile(env), { current: url, servers: { [url]: { token: "not used", ca } } });
});
afterAll(async () => {
  await kubectl("-n", "davit", "delete", "secret", OTHER_TLS, "--ignore-not-found");
  await resources.disposeAsync();
});

interface Diagnosis {
  code: number;
  stderr: string;
  findings: ReportedFinding[];
}

async function diagnose(...args: string[]): Promise<Diagnosis> {
  const { code, stdout, stderr } = await davit(["doctor", "-o", "json", ...args], { env });
  if (stdout.trim() === "") throw new Error(`davit doctor printed nothing (exit ${code}): ${stderr}`);
  return { code, stderr, ...JSON.parse(stdout) };
}

/** The problems, by id: what, and what mends it. */
async function problems(): Promise<Record<string, string>> {
  const { code, findings } = await diagnose();
  const found = findings.filter(({ severity }) => severity === "problem");
  expect(code).toBe(found.length > 0 ? 29 : 0);
  return Object.fromEntries(found.map(({ id, what, fix }) => [id, `${what}; fix: ${fix}`]));
}

/** Undone at the end of the test, whatever becomes of it. */
const undo = (work: () => Promise<unknown>): AsyncDisposable => ({ [Symbol.asyncDispose]: async () => void (await work()) });

const patch = (object: string, body: object, ...where: string[]) => kubectl(...where, "patch", object, "--type=merge", "-p", JSON.stringify(body));

/** The pair as a Secret that no check knows. */
async function otherTls({ certificate, key }: KeyPair): Promise<void> {
  const data = { "tls.crt": btoa(certificate), "tls.key": btoa(key.reveal()) };
  await (await kube()).apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: OTHER_TLS, namespace: "davit" },
    type: "Opaque",
    data,
  } as V1Secret);
}

/** Has a server of davit's serve the certificate of this Secret. */
async function serve(part: "s3" | "registry", secretName: string): Promise<void> {
  const spec = { template: { spec: { volumes: [{ name: "tls", secret: { secretName } }] } } };
  await kubectl("-n", "davit", "patch", `deployment/${part}`, "-p", JSON.stringify({ spec }));
  await kubectl("-n", "davit", "rollout", "status", `deployment/${part}`, "--timeout=120s");
}

async function dataOf(kind: "Secret" | "ConfigMap", namespace: string, name: string): Promise<Record<string, string>> {
  const found = await (await kube()).get<V1Secret | V1ConfigMap>({ apiVersion: "v1", kind, namespace, name });
  return found?.data ?? {};
}

/** What is left of davit doctor's in the cluster. */
async function leftovers(): Promise<string[]> {
  const api = await kube();
  const kinds = [
    { apiVersion: "batch/v1", kind: "Job" },
    { apiVersion: "v1", kind: "Pod" },
    { apiVersion: "v1", kind: "Secret" },
  ];
  const lists = await Promise.all(["davit", "davit-staging"].flatMap((namespace) => kinds.map((ref) => api.list({ ...ref, namespace }))));
  return lists.flat().flatMap(({ kind, metadata }) => (metadata?.name?.startsWith("davit-doctor") ? [`${kind} ${metadata.name}`] : []));
}

test("a healthy installation has no problem, each hop is told with its certificate, and nothing stays", async () => {
  const { code, findings, stderr } = await diagnose();
  expect({ code, bad: findings.filter(({ severity }) => severity !== "ok") }).toEqual({ code: 0, bad: [] });
  const hops = findings.filter(({ hop }) => hop);
  expect(new Set(hops.map(({ hop }) => hop as string))).toEqual(new Set(["cli-agent", "agent-s3", "build-s3", "build-registry", "kubelet-registry"]));
  for (const { peer, issuer, notAfter } of hops)
    expect({ peer, issuer, notAfter: Date.parse(notAfter ?? "") > Date.now() }).toEqual({
      peer: expect.stringMatching(/\(.+\)$/),
      issuer: expect.stringContaining("CN="),
      notAfter: true,
    });
  const nodes = await (await kube()).list({ apiVersion: "v1", kind: "Node" });
  expect(findings.flatMap(({ node }) => node ?? []).sort()).toEqual(nodes.map(({ metadata }) => metadata?.name ?? "").sort());
  expect(stderr).toContain("TLS, hop by hop");
  expect(await leftovers()).toEqual([]);
}, 120_000);

labTest(
  "the image that it pushed is gone, also after ^C",
  async () => {
    const [service, trust, key] = await Promise.all([
      (await kube()).get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry" }),
      dataOf("ConfigMap", "davit", "davit-trust"),
      dataOf("Secret", "davit", "davit-registry-key"),
    ]);
    const host = `${service?.spec?.clusterIP}:5000`;
    const registry = builtInRegistry({
      host,
      nodeHost: host,
      ca: trust["registry.crt"] ?? "",
      key: await registryKeyOf(new Secret(atob(key["private.jwk.json"] ?? ""))),
    });
    const images = async () => (await registry.read("davit-doctor")).flatMap(({ images }) => images);
    expect(await images()).toEqual([]);
    const child = start(["doctor", "--only", "build-registry", "--only", "kubelet-registry"], { env });
    while ((await images()).length === 0) if (child.exitCode !== null) throw new Error("it was too quick");
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect({ images: await images(), leftovers: await leftovers() }).toEqual({ images: [], leftovers: [] });
  },
  120_000,
);

test("the registry has a certificate of another CA", async () => {
  await using _ = undo(() => serve("registry", "davit-registry-tls"));
  await otherTls(await newLeaf(await newAuthority(), { names: ["registry.davit.svc.cluster.local"] }));
  await serve("registry", OTHER_TLS);
  expect(await problems()).toEqual({ "build-registry": expect.stringMatching(/certificate is not trusted.*davit-registry-tls/) });
}, 180_000);

test("the S3 store's certificate has ended", async () => {
  const ca = await dataOf("Secret", "davit", "davit-ca");
  const authority = { certificate: atob(ca["tls.crt"] ?? ""), key: new Secret(atob(ca["tls.key"] ?? "")) };
  await using _ = undo(() => serve("s3", "davit-s3-tls"));
  await otherTls(await newLeaf(authority, { names: ["s3.davit.svc.cluster.local"] }, new Date(Date.now() - 1000 * 86_400_000)));
  await serve("s3", OTHER_TLS);
  const said = expect.stringMatching(/its certificate ended at .*davit install.*davit-s3-tls/);
  expect(await problems()).toEqual({ "agent-s3": said, "build-s3": said });
}, 180_000);

test("builds trust another CA than the S3 store's", async () => {
  const { "s3.crt": before } = await dataOf("ConfigMap", "davit-staging", "davit-trust");
  const trust = (text: string | undefined) => patch("configmap/davit-trust", { data: { "s3.crt": text } }, "-n", "davit-staging");
  await using _ = undo(() => trust(before));
  await trust((await newAuthority()).certificate);
  expect(await problems()).toEqual({ "build-s3": expect.stringContaining("certificate is not trusted") });
}, 60_000);

test("the Secret of the S3 key says another one than the store has", async () => {
  const { secretKey } = await dataOf("Secret", "davit", "davit-s3");
  const key = (text: string | undefined) => patch("secret/davit-s3", { data: { secretKey: text } }, "-n", "davit");
  await using _ = undo(() => key(secretKey));
  await key(btoa("wrong"));
  const said = expect.stringMatching(/refuses the login.*davit rotate s3/);
  expect(await problems()).toEqual({ "agent-s3": said, "build-s3": said });
}, 60_000);

test("the registry is down", async () => {
  await using _ = await takeAway("registry");
  expect(await problems()).toEqual({
    "build-registry": expect.stringMatching(/cannot be reached.*get deployment,service/),
    components: expect.stringContaining("registry is not ready"),
  });
}, 180_000);

labTest(
  "a node is not told of the registry",
  async () => {
    const trust = { apiVersion: "apps/v1", kind: "DaemonSet", namespace: "davit-node", name: "davit-node-trust" };
    const daemonSet = await (await kube()).get<V1DaemonSet>(trust);
    const folders = daemonSet?.spec?.template.spec?.containers[0]?.env?.find(({ name }) => name === "DAVIT_CERTS_DIRS")?.value?.split(":") ?? [];
    const select = async (labels: object) => {
      await patch("daemonset/davit-node-trust", { spec: { template: { spec: { nodeSelector: labels } } } }, "-n", "davit-node");
      await kubectl("-n", "davit-node", "rollout", "status", "daemonset/davit-node-trust", "--timeout=60s");
    };
    await using _ = undo(() => select({ "davit.dev/nowhere": null }));
    await select({ "davit.dev/nowhere": "true" });
    await kubectl("-n", "davit-node", "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/component=node-trust", "--timeout=60s");
    for (const folder of folders) rmSync(join(folder, "registry.davit.svc.cluster.local:5000"), { recursive: true });
    const found = await problems();
    expect(found).toEqual({ "kubelet-registry": expect.stringMatching(/^the node does not know where the registry is/) });
    // The fix is exact: it names the files, and the files are printed.
    const printed = await davit(["doctor", "--print-trust"], { env });
    for (const file of ["davit-ca.crt", "hosts.toml"]) {
      const path = `${folders[0]}/registry.davit.svc.cluster.local:5000/${file}`;
      expect([found["kubelet-registry"], printed.stdout]).toEqual([expect.stringContaining(path), expect.stringContaining(`# ${path}\n`)]);
    }
  },
  180_000,
);

test("the agent's Ingress shows another certificate", async () => {
  const { url } = await door();
  const { hostname, port } = new URL(url);
  const other = await newLeaf(await newAuthority(), { names: [hostname] });
  const show = async (secretName: string, isShown: (certificate: string) => boolean) => {
    await patch("ingress/davit-agent", { spec: { tls: [{ hosts: [hostname], secretName }] } }, "-n", "davit");
    const shown = async () => (await handshake({ host: hostname, port: Number(port) || 443 })).chain.map((certificate) => certificate.toString())[0];
    while (!isShown((await shown()) ?? ""));
  };
  const isOther = (certificate: string) => certificate.trim() === other.certificate.trim();
  await using _ = undo(() => show("davit-agent-tls", (certificate) => !isOther(certificate)));
  await otherTls(other);
  await show(OTHER_TLS, isOther);
  expect(await problems()).toEqual({
    "cli-agent": expect.stringMatching(/of a CA that the login does not trust.*Ingress davit\/davit-agent show the Secret/),
  });
}, 120_000);

test("the domain leads nowhere", async () => {
  const { "options.json": before = "" } = await dataOf("ConfigMap", "davit", "davit-install");
  const options = (text: string) => patch("configmap/davit-install", { data: { "options.json": text } }, "-n", "davit");
  await using _ = undo(() => options(before));
  await options(JSON.stringify({ ...JSON.parse(before), domain: "nowhere.invalid" }));
  expect(await problems()).toEqual({
    dns: expect.stringMatching(/has no address; fix: make a DNS record: /),
    "cli-agent": expect.stringMatching(/cannot be reached.*davit doctor --only dns/),
  });
}, 60_000);

test("a right and a rule of the network are missing, a CRD is an old one, and no StorageClass is the default", async () => {
  await using _ = await withoutRight("davit-tenant", "pods/log");
  await using __ = await withoutPolicy("davit-staging", "davit-fetch");
  await using ___ = await withOldKind("apps.davit.dev");
  await using ____ = await withoutDefaultClass();
  expect(await problems()).toEqual({
    rights: "missing rights: ClusterRole davit-tenant: get pods/log; fix: `davit install` puts it right",
    "network-rules": "NetworkPolicy davit-staging/davit-fetch is not there; fix: `davit install` puts it right",
    kinds: expect.stringMatching(/CustomResourceDefinition apps.davit.dev is another than this davit's.*davit install/),
    "storage-class": expect.stringMatching(/no default StorageClass; fix: give one of the cluster's: --storage-class/),
  });
}, 120_000);

async function withoutRight(name: string, resource: string): Promise<AsyncDisposable> {
  const ref = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name };
  const role = await (await kube()).get<KubeObject & { rules: { resources?: string[] }[] }>(ref);
  await patch(`clusterrole/${name}`, { rules: role?.rules.filter(({ resources = [] }) => !resources.includes(resource)) });
  return undo(() => patch(`clusterrole/${name}`, { rules: role?.rules }));
}

async function withoutPolicy(namespace: string, name: string): Promise<AsyncDisposable> {
  const api = await kube();
  const ref = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace, name };
  const { metadata, spec } = (await api.get<V1NetworkPolicy>(ref)) ?? {};
  await api.remove(ref);
  return undo(() =>
    api.apply({ apiVersion: ref.apiVersion, kind: ref.kind, metadata: { namespace, name, labels: metadata?.labels }, spec } as V1NetworkPolicy),
  );
}

async function withOldKind(name: string): Promise<AsyncDisposable> {
  const path = ["spec", "versions", "0", "schema", "openAPIV3Schema", "properties", "spec", "properties", "stopped", "description"];
  const before = await kubectl("get", `crd/${name}`, "-o", `jsonpath={.${path.join(".").replace(".0.", "[0].")}}`);
  const describe = (value: string) =>
    kubectl("patch", `crd/${name}`, "--type=json", "-p", JSON.stringify([{ op: "replace", path: `/${path.join("/")}`, value }]));
  await describe("as it was said once");
  return undo(() => describe(before));
}

async function withoutDefaultClass(): Promise<AsyncDisposable> {
  const annotation = "storageclass.kubernetes.io/is-default-class";
  const classes = await (await kube()).list({ apiVersion: "storage.k8s.io/v1", kind: "StorageClass" });
  const name = classes.find(({ metadata }) => metadata?.annotations?.[annotation] === "true")?.metadata?.name;
  const mark = (value: string) => patch(`storageclass/${name}`, { metadata: { annotations: { [annotation]: value } } });
  await mark("false");
  return undo(() => mark("true"));
}
