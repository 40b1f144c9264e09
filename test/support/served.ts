import type { X509Certificate } from "node:crypto";
import type { V1Ingress } from "#shared/kube/objects";
import { factsOf } from "#shared/tls/certificate";
import { handshake } from "#shared/tls/handshake";
import { kube } from "#test/lab";
import { door } from "#test/member";

/** Longer than a certificate that lasts two minutes, the shortest there is here. */
const PATIENCE_MS = 150_000;

/** Waits until a host shows a certificate that fits, and returns that. @throws Error when it still does not after PATIENCE_MS */
export async function untilServed(host: string, fits: (certificate: X509Certificate) => boolean): Promise<X509Certificate> {
  for (const end = Date.now() + PATIENCE_MS; ; await Bun.sleep(100)) {
    const { certificate } = await servedFor(host);
    if (certificate && fits(certificate)) return certificate;
    if (Date.now() > end) throw new Error(`${host} still shows a certificate of ${certificate ? factsOf(certificate).issuer : "nobody"}`);
  }
}

/** The certificate that the ingress shows for a host, and what somebody who trusts davit's CA has against it. */
export async function servedFor(host: string): Promise<{ certificate: X509Certificate | undefined; problem?: string }> {
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-agent" };
  const [api, { ca }] = await Promise.all([kube(), door()]);
  const [address] = (await api.get<V1Ingress>(ingress))?.status?.loadBalancer?.ingress ?? [];
  const { chain, ...verdict } = await handshake({ host: address?.ip ?? address?.hostname ?? host, port: 443, serverName: host, ca });
  return { certificate: chain[0], ...verdict };
}
