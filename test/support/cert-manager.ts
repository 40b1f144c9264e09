import { isServed } from "#cli/install/is-served";
import type { V1Secret } from "#shared/kube/objects";
import type { KeyPair } from "#shared/tls/signing";
import { kube, kubectl } from "./lab.ts";

const KINDS = ["certificates", "certificaterequests", "issuers", "clusterissuers"].map((kind) => `${kind}.cert-manager.io`);

/** Has the cluster be one with cert-manager, or one without: neither its API nor its controller is there then. */
export async function haveCertManager(wanted: boolean): Promise<void> {
  const served = JSON.stringify([{ op: "replace", path: "/spec/versions/0/served", value: wanted }]);
  for (const kind of KINDS) await kubectl("patch", "crd", kind, "--type=json", "-p", served);
  await kubectl("-n", "cert-manager", "scale", "deployment", "cert-manager", `--replicas=${wanted ? 1 : 0}`);
  await kubectl("-n", "cert-manager", "rollout", "status", "deployment", "cert-manager", "--timeout=60s");
  const api = await kube();
  while ((await isServed(api, "cert-manager.io/v1")) !== wanted);
}

/** A ClusterIssuer that issues by this CA, whose Secret of the same name lies with cert-manager. */
export async function clusterIssuer(name: string, { certificate, key }: KeyPair): Promise<void> {
  const api = await kube();
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { namespace: "cert-manager", name }, type: "kubernetes.io/tls" };
  await api.apply<V1Secret>({ ...secret, data: { "tls.crt": btoa(certificate), "tls.key": btoa(key.reveal()) } });
  await api.apply({ apiVersion: "cert-manager.io/v1", kind: "ClusterIssuer", metadata: { name }, spec: { ca: { secretName: name } } } as object);
  await kubectl("wait", "--for=condition=Ready", `clusterissuer/${name}`, "--timeout=30s");
}
