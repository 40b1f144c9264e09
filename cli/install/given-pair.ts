import { createPrivateKey, type X509Certificate } from "node:crypto";
import { certificatesIn } from "#shared/tls/certificate";
import { canSign } from "#shared/tls/signing";
import type { Data } from "./made.ts";

/** Why the certificate that an admin brought cannot be that of the agent and of apps below `domain` (a host); undefined: it can. */
export function certificateProblem(data: Data, domain: string, now = new Date()): string | undefined {
  const certificate = certificatesIn(data["tls.crt"] ?? "")[0];
  const unfit = pairProblem(certificate, data, now);
  if (!certificate || unfit !== undefined) return unfit;
  const missing = [`davit.${domain}`, `*.${domain}`].filter((name) => !covers(certificate, name));
  return missing.length > 0 ? `is not for ${missing.join(" and ")}, but for ${certificate.subjectAltName ?? "no name at all"}` : undefined;
}

/** Why the CA that an admin brought cannot be davit's; undefined: it can. */
export function authorityProblem(data: Data, now = new Date()): string | undefined {
  const certificate = certificatesIn(data["tls.crt"] ?? "")[0];
  const unfit = pairProblem(certificate, data, now);
  if (!certificate || unfit !== undefined) return unfit;
  if (!certificate.ca) return "is no CA: it may not sign certificates (basicConstraints CA:TRUE is missing)";
  const key = keyIn(data["tls.key"] ?? "");
  if (key && !canSign(key)) return `has a key of a kind that davit cannot sign with (${key.asymmetricKeyType}); RSA and ECDSA it can`;
  // Clients are given this one to trust, and most of them trust a chain only when it ends in a root.
  if (!certificate.checkIssued(certificate)) return `is no root: it is signed by ${certificate.issuer.replaceAll("\n", ", ")}`;
  return undefined;
}

function pairProblem(certificate: X509Certificate | undefined, data: Data, now: Date): string | undefined {
  if (!certificate) return "cannot be read as a PEM certificate";
  const key = keyIn(data["tls.key"] ?? "");
  if (!key) return "has a key that cannot be read; it has to be PEM without a password";
  if (!certificate.checkPrivateKey(key)) return "does not fit its key; a server's own certificate has to be the first of its file";
  if (new Date(certificate.validTo) <= now) return `ended on ${certificate.validTo}`;
  if (new Date(certificate.validFrom) > now) return `begins on ${certificate.validFrom} only`;
  return undefined;
}

function keyIn(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

/** A wildcard is asked about by a name that it alone would cover. */
function covers(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name.replace("*", "any-name-of-an-app")) !== undefined;
}
