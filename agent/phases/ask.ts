import { sha256 } from "#shared/pack";
import { fingerprintOf } from "#shared/tls/certificate";
import { handshake } from "#shared/tls/handshake";

const REQUEST_MS = 5_000;

/** What came back: enough to see whether two answers are the same. */
export interface Answer {
  status: number;
  print: string;
}

/** Whom to ask: an address by URL, and in which host's name. */
export interface Question {
  url: string;
  host: string;
  signal: AbortSignal;
}

/** Asks an address for what it answers as `host`. */
export async function ask({ url, host, signal }: Question, tls?: { serverName: string; rejectUnauthorized: false }): Promise<Answer> {
  const response = await fetch(url, {
    headers: { host },
    redirect: "manual",
    keepalive: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
    ...(tls ? { tls } : {}),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, print: `${response.status} ${response.headers.get("location") ?? ""} ${sha256(body)}` };
}

/**
 * As {@link ask}, over TLS, of who shows the certificate with this fingerprint. That says more than a CA would, which may
 * vouch for others too, and asks for none: that of a private issuer need not be known here.
 */
export async function askSecurely(question: Question, fingerprint: string): Promise<Answer> {
  const { hostname, port } = new URL(question.url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const { chain } = await handshake({ host, port: Number(port || 443), serverName: question.host, timeoutMs: REQUEST_MS });
  const shown = chain[0] && fingerprintOf(chain[0]);
  if (shown !== fingerprint) throw new Error(`the ingress shows another certificate than the one for ${question.host}`);
  return await ask(question, { serverName: question.host, rejectUnauthorized: false });
}
