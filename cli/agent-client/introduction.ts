import type { X509Certificate } from "node:crypto";
import { CA_PATH } from "#shared/authority";
import { certificatesIn, fingerprintOf, pemOf } from "#shared/tls/certificate";
import type { Handshake } from "#shared/tls/handshake";
import { look } from "./look.ts";

const TIMEOUT_MS = 5000;
const LONGEST_PEM = 100_000;
const MOST_CANDIDATES = 8;

/**
 * The CA under which a server that nobody vouches for would be trusted: of those that it names itself, the one that makes its
 * certificate good. It is worth nothing until somebody confirms its fingerprint.
 */
export async function introduction(server: string, seen: Handshake): Promise<X509Certificate | undefined> {
  const offered = [...certificatesIn(await offeredBy(server)), ...seen.chain];
  const candidates = new Map(offered.map((certificate) => [fingerprintOf(certificate), certificate]));
  for (const candidate of [...candidates.values()].slice(0, MOST_CANDIDATES)) {
    const trusting = await look(server, pemOf([candidate]));
    if (trusting && trusting.problem === undefined) return candidate;
  }
  return undefined;
}

/** Servers do not send their root along, so the agent has it for all to read. The connection is not to be trusted, and gets no token. */
async function offeredBy(server: string): Promise<string> {
  try {
    const response = await fetch(server + CA_PATH, {
      tls: { rejectUnauthorized: false },
      redirect: "manual",
      // Never to be used again for a request that has a token.
      keepalive: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok ? (await response.text()).slice(0, LONGEST_PEM) : "";
  } catch {
    return "";
  }
}
