import { type CertificatePlan, hasWildcard, TLS_SECRET } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { certificatesIn, factsOf } from "#shared/tls/certificate";
import { hasBuiltInRegistry, type Places } from "./components.ts";
import { readSecret } from "./made.ts";
import type { InstalledOptions } from "./options.ts";

/** One of davit's own certificates; without an issuer there is none, or none yet. */
export interface OwnCertificate {
  of: "agent" | "s3" | "registry" | "registryPublic" | "wildcard";
  issuer: string | null;
  /** RFC 3339. */
  notAfter: string | null;
}

/** Those that servers of the installation show. Who may not read Secrets is told of none. */
export async function ownCertificates(
  kube: Kube,
  { nodeTrust, ...places }: Places & Pick<InstalledOptions, "nodeTrust">,
  plan: CertificatePlan,
): Promise<OwnCertificate[]> {
  const there = {
    agent: true,
    s3: !places.s3,
    registry: hasBuiltInRegistry(places),
    registryPublic: nodeTrust === "public",
    wildcard: hasWildcard(plan),
  };
  const wanted = (Object.keys(there) as (keyof typeof there)[]).filter((of) => there[of]);
  try {
    return await Promise.all(wanted.map((of) => ownCertificate(kube, of)));
  } catch (error) {
    if (error instanceof Fault && error.code === "forbidden") return [];
    throw error;
  }
}

async function ownCertificate(kube: Kube, of: OwnCertificate["of"]): Promise<OwnCertificate> {
  const [certificate] = certificatesIn((await readSecret(kube, TLS_SECRET[of]))?.["tls.crt"] ?? "");
  const { issuer = null, notAfter = null } = certificate ? factsOf(certificate) : {};
  return { of, issuer, notAfter };
}

/** For people, in one line. */
export function describeCertificate({ of, issuer, notAfter }: OwnCertificate): string {
  return issuer === null ? `${of}: none` : `${of}: of ${issuer}, until ${notAfter?.slice(0, 10)}`;
}
