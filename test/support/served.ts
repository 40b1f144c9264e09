import type { X509Certificate } from "node:crypto";
import type { V1Ingress } from "#shared/kube/objects";
import { handshake } from "#shared/tls/handshake";
import { kube } from "#test/lab";
import { door } from "#test/member";

/** The certificate that the ingress shows for a host, and what somebody who trusts davit's CA has against it. */
export async function servedFor(host: string): Promise<{ certificate: X509Certificate | undefined; problem?: string }> {
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-agent" };
  const [api, { ca }] = await Promise.all([kube(), door()]);
  const [address] = (await api.get<V1Ingress>(ingress))?.status?.loadBalancer?.ingress ?? [];
  const { chain, ...verdict } = await handshake({ host: address?.ip ?? address?.hostname ?? host, port: 443, serverName: host, ca });
  return { certificate: chain[0], ...verdict };
}
