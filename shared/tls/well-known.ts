import { rootCertificates } from "node:tls";
import { certificatesIn, pemOf } from "./certificate.ts";

/** Everybody who is trusted by default, and those in the PEM text, as `ca` of a TLS connection; nobody besides: undefined, which means the same. */
export function wellKnownAnd(pem: string): string[] | undefined {
  return pem.trim() === "" ? undefined : [...rootCertificates, pem];
}

/** The certificates of the PEM text that are not among those that everybody trusts. */
export function withoutWellKnown(pem: string): string {
  const bare = (text: string) => text.replace(/\s/g, "");
  const known = new Set(rootCertificates.map(bare));
  return pemOf(certificatesIn(pem).filter((certificate) => !known.has(bare(certificate.toString()))));
}
