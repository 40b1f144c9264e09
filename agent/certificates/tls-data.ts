import type { V1Secret } from "#shared/kube/objects";
import { type CertificateFacts, certificatesIn, factsOf } from "#shared/tls/certificate";
import type { KeyPair } from "#shared/tls/signing";

/** Of a Secret of type kubernetes.io/tls; each value as base64. */
export type TlsData = NonNullable<V1Secret["data"]>;

export function encoded({ certificate, key }: KeyPair, ca: string): TlsData {
  return { "tls.crt": btoa(certificate), "tls.key": btoa(key.reveal()), "ca.crt": btoa(ca) };
}

export function decoded(data: TlsData): { certificate: string; key: string } {
  const text = (name: string) => Buffer.from(data[name] ?? "", "base64").toString();
  return { certificate: text("tls.crt"), key: text("tls.key") };
}

/** Whether a Secret says what it should; what else is in it is somebody else's. */
export function holds(present: TlsData | undefined, wanted: TlsData): boolean {
  return Object.entries(wanted).every(([name, value]) => present?.[name] === value);
}

/** Of the server's own certificate. */
export function factsIn(data: TlsData | undefined): CertificateFacts | undefined {
  const [leaf] = certificatesIn(decoded(data ?? {}).certificate);
  return leaf && factsOf(leaf);
}
