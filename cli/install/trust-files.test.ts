import { expect, test } from "bun:test";
import { trustFiles } from "./trust-files.ts";

const registry = { registry: "registry.davit.svc.cluster.local:5000", address: "10.96.0.7", plainHttp: false, ca: "PEM\n" };
const node = (name: string, nodeInfo: Record<string, string>, labels = {}) => ({ metadata: { name, labels }, status: { nodeInfo } });
const containerd = { kubeletVersion: "v1.33.1", containerRuntimeVersion: "containerd://2.1.0" };
const only = (nodeInfo: Record<string, string>, labels = {}) => trustFiles([node("a", nodeInfo, labels)], registry)[0];
const paths = (nodeInfo: Record<string, string>, labels = {}) => only(nodeInfo, labels)?.files.map(({ path }) => path);
const OWN = "registry.davit.svc.cluster.local:5000";

test("nodes that run the same are told the same, and those without Linux nothing", () => {
  const found = trustFiles(
    [
      node("b", containerd),
      node("a", containerd),
      node("c", { ...containerd, kubeletVersion: "v1.33.1+k3s1" }),
      node("w", { operatingSystem: "windows" }),
    ],
    registry,
  );
  expect(found.map(({ distribution, nodes }) => [distribution, nodes])).toEqual([
    ["containerd", ["a", "b"]],
    ["k3s", ["c"]],
  ]);
});

test("containerd is told by certs.d, in the folder that was said or in its own", () => {
  const [hosts, said] = [only(containerd)?.files[1], trustFiles([node("a", containerd)], registry, ["/data/certs.d"])[0]?.files];
  expect(paths(containerd)).toEqual([`/etc/containerd/certs.d/${OWN}/davit-ca.crt`, `/etc/containerd/certs.d/${OWN}/hosts.toml`]);
  expect(Bun.TOML.parse(hosts?.content ?? "")).toMatchObject({ host: { "https://10.96.0.7:5000": { ca: "davit-ca.crt" } } });
  expect(said?.map(({ path }) => path)).toEqual([`/data/certs.d/${OWN}/davit-ca.crt`, `/data/certs.d/${OWN}/hosts.toml`]);
});

test.each([
  ["+k3s1", "k3s"],
  ["+rke2r1", "rke2"],
])("kubelet %s is told by registries.yaml", (mark, name) => {
  const found = only({ ...containerd, kubeletVersion: `v1.33.1${mark}` });
  expect(found?.files.map(({ path }) => path)).toEqual([`/etc/rancher/${name}/davit-registry-ca.crt`, `/etc/rancher/${name}/registries.yaml`]);
  expect(Bun.YAML.parse(found?.files[1]?.content ?? "")).toEqual({
    mirrors: { [OWN]: { endpoint: ["https://10.96.0.7:5000"] } },
    configs: { "10.96.0.7:5000": { tls: { ca_file: `/etc/rancher/${name}/davit-registry-ca.crt` } } },
  });
});

test("Talos is told by a patch of its machine configuration", () => {
  const { content = "" } = only({ ...containerd, osImage: "Talos (v1.11.0)" })?.files[0] ?? {};
  expect(Bun.YAML.parse(content)).toEqual({
    machine: {
      registries: { mirrors: { [OWN]: { endpoints: ["https://10.96.0.7:5000"] } }, config: { "10.96.0.7:5000": { tls: { ca: btoa("PEM\n") } } } },
    },
  });
});

test("CRI-O, Docker and MicroK8s are told in their own places", () => {
  const crio = only({ containerRuntimeVersion: "cri-o://1.33.0" })?.files;
  expect(crio?.map(({ path }) => path)).toEqual(["/etc/containers/registries.conf.d/50-davit.conf", "/etc/containers/certs.d/10.96.0.7:5000/ca.crt"]);
  expect(Bun.TOML.parse(crio?.[0]?.content ?? "")).toEqual({ registry: [{ prefix: OWN, location: "10.96.0.7:5000" }] });
  expect(paths({ containerRuntimeVersion: "docker://28.0.0" })).toEqual([`/etc/docker/certs.d/${OWN}/ca.crt`]);
  expect(paths(containerd, { "microk8s.io/cluster": "true" })?.[0]).toBe(`/var/snap/microk8s/current/args/certs.d/${OWN}/davit-ca.crt`);
});

test("where nothing is encrypted there is no CA to trust", () => {
  const plain = { ...registry, plainHttp: true };
  const all = [
    containerd,
    { kubeletVersion: "v1+k3s1" },
    { osImage: "Talos" },
    { containerRuntimeVersion: "cri-o://1" },
    { containerRuntimeVersion: "docker://1" },
  ];
  const files = trustFiles(
    all.map((info, index) => node(String(index), info)),
    plain,
  ).flatMap(({ files }) => files);
  expect(files.filter(({ path, content }) => /crt$/.test(path) || content.includes("PEM") || content.includes(btoa("PEM\n")))).toEqual([]);
});
