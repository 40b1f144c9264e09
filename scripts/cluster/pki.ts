import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./exec.ts";
import { domain, type Layout, type Network, nodeName } from "./layout.ts";

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
  { name: "kubelet-serving", subject: `/O=system:nodes/CN=system:node:${nodeName}`, names: [`DNS:${nodeName}`, `IP:${net.node}`] },
  { name: "kubelet", subject: `/O=system:nodes/CN=system:node:${nodeName}`, names: [`DNS:${nodeName}`] },
  { name: "kube-controller-manager", subject: "/CN=system:kube-controller-manager", names: ["DNS:kube-controller-manager"] },
  { name: "kube-scheduler", subject: "/CN=system:kube-scheduler", names: ["DNS:kube-scheduler"] },
  { name: "kube-proxy", subject: "/CN=system:kube-proxy", names: ["DNS:kube-proxy"] },
  { name: "admin", subject: "/O=system:masters/CN=admin", names: ["DNS:admin"] },
  { name: "ingress", subject: `/CN=${domain}`, names: [`DNS:${domain}`, `DNS:*.${domain}`] },
];

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Made once per cluster. The folder appears complete or not at all. */
export async function ensurePki(layout: Layout): Promise<void> {
  if (existsSync(layout.pki)) return;
  const folder = `${layout.pki}.part`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (file: string): string => join(folder, file);
  await run(["openssl", "req", "-x509", ...newKey, "-days", "3650", "-keyout", at("ca.key"), "-out", at("ca.crt"), "-subj", "/CN=davit cluster"]);
  await Promise.all(certificates(layout.net).map((certificate) => issue(folder, certificate)));
  await run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("service-accounts.key")]);
  await run(["openssl", "ec", "-in", at("service-accounts.key"), "-pubout", "-out", at("service-accounts.pub")]);
  await rename(folder, layout.pki);
  await chmod(layout.pki, 0o700);
}

async function issue(folder: string, { name, subject, names }: Certificate): Promise<void> {
  const at = (file: string): string => join(folder, file);
  await Bun.write(
    at(`${name}.ext`),
    `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n`,
  );
  await run(["openssl", "req", ...newKey, "-keyout", at(`${name}.key`), "-out", at(`${name}.csr`), "-subj", subject]);
  const serial = `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex")}`;
  const authority = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-set_serial", serial];
  await run([
    "openssl",
    "x509",
    "-req",
    "-in",
    at(`${name}.csr`),
    ...authority,
    "-days",
    "3650",
    "-out",
    at(`${name}.crt`),
    "-extfile",
    at(`${name}.ext`),
  ]);
  await Promise.all([rm(at(`${name}.csr`)), rm(at(`${name}.ext`))]);
}
