import { createPrivateKey, X509Certificate } from "node:crypto";

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order; what is damaged is left out. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(BLOCK) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** PEM, one after the other. */
export function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => `${certificate.toString().trim()}\n`).join("");
}

/** `SHA256:` and 64 lower-case hex digits, of the whole certificate. */
export function fingerprintOf(certificate: X509Certificate): string {
  return `SHA256:${certificate.fingerprint256.replaceAll(":", "").toLowerCase()}`;
}

/** A fingerprint as people write it, openssl's way with colons too, in davit's form; undefined for anything else. */
export function parseFingerprint(text: string): string | undefined {
  const hex = text
    .trim()
    .replace(/^SHA-?256[:=]/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? `SHA256:${hex}` : undefined;
}

/** Whether a private key (PEM) is that of a certificate. */
export function isKeyOf(key: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** The names that a certificate is good for: of hosts, and addresses. */
export function namesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? "").split(", ").flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? []);
}

/** A certificate for people. Times are RFC 3339. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  notAfter: string;
  fingerprint: string;
}

export function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    notAfter: new Date(certificate.validTo).toISOString(),
    fingerprint: fingerprintOf(certificate),
  };
}

/** Node writes each part of a name on a line of its own; one without a name has none. */
function oneLine(name: string | undefined): string {
  return (name ?? "").split("\n").filter(Boolean).join(", ") || "(no name)";
}
