import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ReportedFinding } from "#cli/doctor/doctor";
import { CA_FILE, hostsToml } from "#shared/hosts-toml";
import type { V1ConfigMap, V1Deployment } from "#shared/kube/objects";
import { newAuthority } from "#shared/tls/signing";
import { installedWith } from "#test/installed-with";
import { appFiles, davit, folder, kube, kubectl, push, type TestTenant, tenant } from "#test/lab";
import { labTest, onLab } from "#test/lab-test";
import { ingressOnNodes, type LabNode, nodes, pull, trustIngress } from "#test/nodes";
import { rememberCa } from "#test/remember-ca";

/* Every way in which nodes come to pull, on two nodes, one of which joined when davit was there already. */

const REGISTRY = "registry.davit.svc.cluster.local:5000";
const resources = new AsyncDisposableStack();
let both: LabNode[];
let space: TestTenant;
let name: string;
let flags: string[];

beforeAll(async () => {
  if (!onLab) return;
  resources.defer(async () => void (await nodes(1)));
  both = await nodes(2);
  flags = (await installedWith()).flags;
  resources.defer(async () => {
    forget();
    await change("daemonset");
  });
  space = resources.use(await tenant("nodes"));
  name = space.app("pulled");
  await pushed("one");
}, 180_000);
afterAll(() => resources.disposeAsync(), 180_000);

async function pushed(text: string): Promise<void> {
  using app = folder(appFiles(text));
  const { outcome, fault, url } = await push(app.path, ["--name", name, "-n", space.name]);
  expect({ outcome, fault }).toEqual({ outcome: "live", fault: undefined });
  expect(await (await fetch(url ?? "")).text()).toBe(text);
}

/** Installs again with another mode. What it said. */
async function change(mode: string, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await davit(["install", "--yes", ...flags, "--node-trust", mode, ...more]);
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  return stderr;
}

async function imageOfApp(): Promise<string> {
  const found = await (await kube()).get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace: space.name, name });
  return found?.spec?.template.spec?.containers[0]?.image ?? "";
}

async function pulledByBoth(): Promise<string[]> {
  const image = await imageOfApp();
  return await Promise.all(both.map((node) => pull(node, space.name, image)));
}

async function diagnosed(only: string): Promise<ReportedFinding[]> {
  const { stdout } = await davit(["doctor", "--only", only, "-o", "json"]);
  return (JSON.parse(stdout) as { findings: ReportedFinding[] }).findings;
}

/** What an admin does by hand. The path is that on the node, where the first node's folder is its own on every one. */
async function writePrinted(): Promise<void> {
  const printed = JSON.parse((await davit(["doctor", "--print-trust", "-o", "json"])).stdout) as { files: { path: string; content: string }[] }[];
  for (const { path, content } of printed.flatMap(({ files }) => files))
    for (const { certsDir } of both) await Bun.write(path.replace(both[0]?.certsDir ?? "", certsDir), content);
}

/** What the admin wrote goes again. */
function forget(): void {
  for (const { certsDir } of both) rmSync(join(certsDir, REGISTRY), { recursive: true, force: true });
}

const trusts = (): string[][] => both.map(({ certsDir }) => readdirSync(certsDir).sort());

labTest(
  "daemonset: a node that joins later is told of the registry, and both pull",
  async () => {
    expect(await imageOfApp()).toStartWith(`${REGISTRY}/`);
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect(trusts()).toEqual([
      ["docker.io", REGISTRY],
      ["docker.io", REGISTRY],
    ]);
  },
  90_000,
);

labTest("davit doctor tells that builds are not kept from the Pods of a node that joined later", async () => {
  const range = await kubectl("get", "node", both[1]?.name ?? "", "-o", "jsonpath={.spec.podCIDR}");
  const what = `NetworkPolicy davit-staging/davit-staging does not keep Pods from ${range}`;
  expect(await diagnosed("network-rules")).toMatchObject([{ severity: "problem", what, fix: expect.stringContaining("davit install") }]);
});

labTest(
  "insecure-nodeport: said and shown to be unencrypted; apps that were there are pulled that way, new ones too, and nodes forget the registry",
  async () => {
    expect(await change("insecure-nodeport")).toContain("warning: nodes pull images unencrypted");
    expect((await davit(["status"])).stdout).toContain("unencrypted");
    expect(await imageOfApp()).toMatch(/^127\.0\.0\.1:\d+\//);
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect(trusts()).toEqual([["docker.io"], ["docker.io"]]);
    await pushed("two");
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect((await davit(["doctor", "--only", "kubelet-registry", "--only", "network-rules"])).code).toBe(0);
  },
  150_000,
);

labTest(
  "public: both pull by the ingress once they know its address and trust its CA, and back again",
  async () => {
    const domain = flags[flags.indexOf("--domain") + 1] ?? "";
    const [registry, host] = [`registry.${domain}`, `registry.${domain.split(":")[0]}`];
    using _ = ingressOnNodes(host);
    const trust = await (await kube()).get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" });
    const files = { [CA_FILE]: trust?.data?.["ca.crt"] ?? "", "hosts.toml": hostsToml({ registry, address: host, plainHttp: false }) };
    for (const { certsDir } of both) await trustIngress(certsDir, registry, files[CA_FILE]);

    expect(await change("public")).toContain("trust its certificate");
    expect(await imageOfApp()).toStartWith(`${registry}/`);
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect(trusts()).toEqual([
      ["docker.io", registry],
      ["docker.io", registry],
    ]);
    await pushed("three");
    expect((await davit(["doctor", "--only", "kubelet-registry"])).code).toBe(0);
    const printed = JSON.parse((await davit(["doctor", "--print-trust", "-o", "json"])).stdout) as { files: { content: string }[] }[];
    expect(printed[0]?.files.map(({ content }) => content)).toEqual(Object.values(files));

    await change("daemonset");
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect(
      await (await kube()).get({ apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-registry" }),
    ).toBeUndefined();
    for (const { certsDir } of both) rmSync(join(certsDir, registry), { recursive: true });
  },
  150_000,
);

labTest(
  "manual: both pull by what the admin wrote, which no part of davit touches, and davit doctor names the node that lacks it",
  async () => {
    const cluster = await kube();
    await writePrinted();
    expect(await change("manual")).toContain("davit doctor --print-trust");
    expect(await imageOfApp()).toStartWith(`${REGISTRY}/`);
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    expect(await cluster.get({ apiVersion: "v1", kind: "Service", namespace: "davit", name: "registry-nodeport" })).toBeUndefined();

    const [first, second] = both;
    const isWell = { severity: "ok", node: first?.name };
    expect(await diagnosed("kubelet-registry")).toMatchObject([isWell, { severity: "ok", node: second?.name }]);
    rmSync(join(second?.certsDir ?? "", REGISTRY, "hosts.toml"));
    const [ca, hosts] = [CA_FILE, "hosts.toml"].map((name) => join(first?.certsDir ?? "", REGISTRY, name));
    const fix = `on ${second?.name}, ${ca} and ${hosts} have to say what \`davit doctor --print-trust\` prints`;
    expect(await diagnosed("kubelet-registry")).toMatchObject([isWell, { severity: "problem", node: second?.name, fix }]);
  },
  150_000,
);

labTest(
  "manual: a new CA signs once the admin says that nodes trust it, and both pull before and after; and back again without what the admin wrote",
  async () => {
    await writePrinted();
    const bringBack = await rememberCa();
    const theirs = await newAuthority();
    using files = folder({ "ca.crt": theirs.certificate, "ca.key": theirs.key.reveal() });
    const brought = ["--issuer", "byo", "--ca-cert", join(files.path, "ca.crt"), "--ca-key", join(files.path, "ca.key")];
    const refused = await davit(["install", "--yes", ...flags, "--node-trust", "manual", ...brought]);
    expect(refused).toMatchObject({ code: 29, stderr: expect.stringContaining("davit rotate ca --nodes-ready") });
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
    await writePrinted();
    const rotated = await davit(["rotate", "ca", "--nodes-ready"]);
    expect(rotated).toMatchObject({ code: 0, stderr: expect.stringContaining("no certificate of the old CA is left") });
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);

    await bringBack();
    forget();
    await change("daemonset", "--issuer", "private-ca");
    expect(await pulledByBoth()).toEqual(["pulled", "pulled"]);
  },
  150_000,
);
