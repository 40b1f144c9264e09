import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./exec.ts";
import type { Layout, Network, Node } from "./layout.ts";

type Certificate = { name: string; subject: string; names: string[] };

/** Who the cluster's parts are to each other. Kubernetes reads user (CN) and groups (O) from these certificates. */
const certificates = (net: Network): Certificate[] => [
  {
    name: "apiserver",
    subject: "/CN=kube-apiserver",
    names: [
      ...["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"].map(
        (name) => `DNS:${name}`,
      ),
      ...["127.0.0.1", net.node, net.apiService].map((address) => `IP:${address}`),
    ],
  },
  { name: "apiserver-to-kubelet", subject: "/O=system:masters/CN=kube-apiserver", names: ["DNS:kube-apiserver"] },
  { name: "kube-controller-manager", subject: "/CN=system:kube-controller-manager", names: ["DNS:kube-controller-manager"] },
  { name: "kube-scheduler", subject: "/CN=system:kube-scheduler", names: ["DNS:kube-scheduler"] },
  { name: "kube-proxy", subject: "/CN=system:kube-proxy", names: ["DNS:kube-proxy"] },
  { name: "admin", subject: "/O=system:masters/CN=admin", names: ["DNS:admin"] },
  // For names that no app has: what an ingress controller shows without a better one is not to be taken for that.
  { name: "ingress", subject: "/CN=ingress.invalid", names: ["DNS:ingress.invalid"] },
];

const nodeCertificates = ({ name, suffix, address }: Node): Certificate[] => {
  const subject = `/O=system:nodes/CN=system:node:${name}`;
  return [
    { name: `kubelet-serving${suffix}`, subject, names: [`DNS:${name}`, `IP:${address}`] },
    { name: `kubelet${suffix}`, subject, names: [`DNS:${name}`] },
  ];
};

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Made once per cluster, but for what a node that joins or a newer version of this adds. A certificate's presence says that its key is there too. */
export async function ensurePki({ pki, net }: Layout, nodes: readonly Node[]): Promise<void> {
  await mkdir(pki, { recursive: true, mode: 0o700 });
  await ensureSelfSigned(pki, "ca", ["-subj", "/CN=davit cluster"]);
  await Promise.all([
    ...[...certificates(net), ...nodes.flatMap(nodeCertificates)].map((certificate) => ensureIssued(pki, certificate)),
    ensureServiceAccountKeys(pki),
    // Nothing but who wants certificates of the ACME server shall trust it: it is its own CA.
    ensureSelfSigned(pki, "pebble", ["-subj", "/CN=pebble", "-addext", "subjectAltName=DNS:pebble.pebble.svc,DNS:pebble.pebble.svc.cluster.local"]),
  ]);
}

async function ensureSelfSigned(folder: string, name: string, options: string[]): Promise<void> {
  await once(join(folder, `${name}.crt`), async (unfinished) => {
    await run(["openssl", "req", "-x509", ...newKey, "-days", "3650", "-keyout", join(folder, `${name}.key`), "-out", unfinished, ...options]);
  });
}

async function ensureServiceAccountKeys(folder: string): Promise<void> {
  const key = join(folder, "service-accounts.key");
  await once(join(folder, "service-accounts.pub"), async (unfinished) => {
    await run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key]);
    await run(["openssl", "ec", "-in", key, "-pubout", "-out", unfinished]);
  });
}

async function ensureIssued(folder: string, { name, subject, names }: Certificate): Promise<void> {
  const at = (file: string): string => join(folder, file);
  await once(at(`${name}.crt`), async (unfinished) => {
    const [request, extensions] = [at(`${name}.csr`), at(`${name}.ext`)];
    await Bun.write(extensions, `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n`);
    await run(["openssl", "req", ...newKey, "-keyout", at(`${name}.key`), "-out", request, "-subj", subject]);
    const serial = `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex")}`;
    const authority = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-set_serial", serial];
    await run(["openssl", "x509", "-req", "-in", request, ...authority, "-days", "3650", "-extfile", extensions, "-out", unfinished]);
    await Promise.all([rm(request), rm(extensions)]);
  });
}

/** Makes a file that is there completely or not at all. */
async function once(path: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  await make(`${path}.part`);
  await rename(`${path}.part`, path);
}
