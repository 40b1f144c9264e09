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
  return await until(host, ({ certificate }) => (certificate && fits(certificate) ? certificate : undefined));
}

/** Waits until somebody who trusts this CA and no other has nothing against what a host shows, and returns that. @throws Error likewise */
export async function untilTrusted(host: string, ca: string): Promise<X509Certificate> {
  return await until(host, ({ certificate, problem }) => (problem === undefined ? certificate : undefined), ca);
}

interface Served {
  certificate: X509Certificate | undefined;
  problem?: string;
}

async function until<T>(host: string, pick: (served: Served) => T | undefined, ca?: string): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await Bun.sleep(100)) {
    const served = await servedFor(host, ca);
    const picked = pick(served);
    if (picked !== undefined) return picked;
    const { certificate } = served;
    if (Date.now() > end) throw new Error(`${host} still shows a certificate of ${certificate ? factsOf(certificate).issuer : "nobody"}`);
  }
}

/** The certificate that the ingress shows for a host, and what somebody who trusts a CA, davit's if none is given, has against it. */
export async function servedFor(host: string, ca?: string): Promise<Served> {
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: "davit", name: "davit-agent" };
  const [api, trusted] = await Promise.all([kube(), ca ?? door().then((own) => own.ca)]);
  const [address] = (await api.get<V1Ingress>(ingress))?.status?.loadBalancer?.ingress ?? [];
  const peer = { host: address?.ip ?? address?.hostname ?? host, port: 443, serverName: host, ca: trusted };
  const { chain, ...verdict } = await handshake(peer);
  return { certificate: chain[0], ...verdict };
}
