import { Fault } from "#shared/fault";
import { certificatesIn, factsOf, fingerprintOf } from "#shared/tls/certificate";
import { type Handshake, handshake, isUnknownIssuer } from "#shared/tls/handshake";

/** What a server's certificate looks like to who trusts `ca` (PEM; undefined: the machine's); nothing when no handshake comes about. */
export async function look(server: string, ca: string | undefined): Promise<Handshake | undefined> {
  const { hostname, port } = new URL(server);
  try {
    return await handshake({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 443, ca });
  } catch {
    return undefined;
  }
}

/** Why a certificate that was seen is refused, as a fault. */
export async function refused(facts: { server: string; ca: string | undefined; seen: Handshake; refusal: Fault }): Promise<Fault> {
  const { server, ca, seen, refusal } = facts;
  const [own] = seen.chain;
  const top = seen.chain.at(-1);
  if (!own || !top) return refusal;
  const { issuer, notAfter } = factsOf(own);
  if (!isUnknownIssuer(seen.problem)) {
    const next = `whoever runs davit has to renew it: \`davit install\` again does`;
    const why = seen.problem === "CERT_HAS_EXPIRED" ? `it expired at ${notAfter}` : refusal.message;
    return new Fault("certificate_untrusted", `the certificate of ${server} (issuer: ${issuer}) is not good: ${why}`, {
      cause: refusal,
      details: { server, next },
    });
  }
  if (ca === undefined) return refusal;
  const trusted = certificatesIn(ca).map(fingerprintOf).join(" or ");
  const shown = await introducedAs(server, seen);
  return new Fault(
    "certificate_changed",
    `the login for ${server} trusts the CA ${trusted}; the certificate that is shown there now is of another: ${shown} (${issuer}). ` +
      "Either the CA was replaced, or somebody else answers in the agent's place; nothing was sent there",
    { cause: refusal, details: { server, trusted, shown } },
  );
}

/** The fingerprint that a new login would be asked to confirm; the certificate's own when the server shows no CA. */
async function introducedAs(server: string, seen: Handshake): Promise<string> {
  const { introduction } = await import("./introduction.ts");
  const ca = await introduction(server, seen);
  const [own] = seen.chain;
  return ca ? fingerprintOf(ca) : own ? `the certificate ${fingerprintOf(own)}` : "?";
}
