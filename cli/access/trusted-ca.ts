import type { X509Certificate } from "node:crypto";
import { Fault } from "#shared/fault";
import { certificatesIn, factsOf, fingerprintOf, pemOf } from "#shared/tls/certificate";
import { isUnknownIssuer } from "#shared/tls/handshake";
import { introduction } from "../agent-client/introduction.ts";
import { look } from "../agent-client/look.ts";
import type { Context } from "../context.ts";
import { confirm } from "../report/ask.ts";

/** Whom a person says to trust: a CA (PEM), or the fingerprint that it has to have. */
export interface GivenCa {
  ca?: string;
  fingerprint?: string;
}

/**
 * The CA (PEM) that a login to `server` is to trust; undefined: those that the machine trusts. A CA that is not `known` from the
 * last login is trusted when it is given, or when a person confirms its fingerprint.
 * @throws Fault certificate_untrusted when nobody vouches for it
 */
export async function trustedCa(context: Context, server: string, { given, known }: { given: GivenCa; known: string | undefined }) {
  if (given.ca !== undefined) return given.ca;
  if (!server.startsWith("https:")) return undefined;
  const seen = await look(server, known);
  // Nobody there, a certificate that is too old or another host's: the login's own request says so better.
  if (!seen) return known;
  if (given.fingerprint === undefined && !isUnknownIssuer(seen.problem)) return known;
  if (known !== undefined && given.fingerprint === undefined && (await look(server, undefined))?.problem === undefined) return undefined;
  const ca = await introduction(server, seen);
  if (!ca) throw nameless(server);
  await vouched(context, { server, ca, known, fingerprint: given.fingerprint });
  return pemOf([ca]);
}

interface Introduced {
  server: string;
  ca: X509Certificate;
  known: string | undefined;
  fingerprint: string | undefined;
}

async function vouched(context: Context, { server, ca, known, fingerprint }: Introduced): Promise<void> {
  const shown = fingerprintOf(ca);
  if (fingerprint === shown) return;
  const before = known === undefined ? "" : `; until now it was ${certificatesIn(known).map(fingerprintOf).join(" or ")}`;
  const who = `the certificate of ${server} is signed by a CA that this machine does not know: ${factsOf(ca).subject}, ${shown}${before}`;
  if (fingerprint !== undefined) {
    const next =
      "ask whoever runs davit for the fingerprint (`davit status` shows it); if it is what you gave, somebody else answers in the agent's place";
    throw new Fault("certificate_untrusted", `${who}. --fingerprint says ${fingerprint}`, { details: { server, shown, next } });
  }
  if (context.isTTY) {
    for (const line of [who, "whoever runs davit can tell you which fingerprint is the right one: `davit status` shows it"]) context.err(line);
    if (await confirm(context, "Is it that one?", false)) return;
    throw new Fault("certificate_untrusted", `the CA of ${server} was not confirmed, so nothing was sent there`, { details: { server } });
  }
  const next =
    "ask whoever runs davit for the fingerprint (`davit status` shows it), and give it: " +
    `\`davit login ${server} --fingerprint SHA256:... --token-stdin\`, or the CA itself: \`davit login ${server} --ca-file FILE --token-stdin\``;
  throw new Fault("certificate_untrusted", who, { details: { server, shown, next } });
}

function nameless(server: string): Fault {
  return new Fault(
    "certificate_untrusted",
    `the certificate of ${server} is signed by nobody whom this machine knows, and the server does not show its CA`,
    {
      details: { server },
    },
  );
}
