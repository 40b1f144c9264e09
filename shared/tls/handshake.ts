import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { certificatesIn } from "./certificate.ts";

/** Whom to greet, and whom to trust: `ca` is PEM, without it the machine's CAs count. */
export interface Greeting {
  host: string;
  port: number;
  ca?: string | undefined;
  /** The name that the certificate has to have, when it is not the host. */
  serverName?: string | undefined;
  timeoutMs?: number;
}

/** What a server showed. `problem` is OpenSSL's code for why that is not to be trusted. */
export interface Handshake {
  /** The server's own certificate first. */
  chain: X509Certificate[];
  /** Where it answered. */
  address: string | undefined;
  problem?: string;
}

const TIMEOUT_MS = 5000;

/** A TLS handshake and nothing more: no byte of ours goes to the server. @throws Error when there is no TLS server */
export async function handshake({ host, port, ca, serverName, timeoutMs = TIMEOUT_MS }: Greeting): Promise<Handshake> {
  const name = serverName ?? host;
  // A name can be asked for, an address cannot.
  const servername = isIP(name) === 0 ? name : undefined;
  // Of these names every browser knows that they are this machine (RFC 6761), and not every resolver.
  const at = host.endsWith(".localhost") ? "localhost" : host;
  const socket = connect({ host: at, port, rejectUnauthorized: false, ...(servername ? { servername } : {}), ...(ca === undefined ? {} : { ca }) });
  try {
    await secured(socket, timeoutMs);
    const chain = chainOf(socket);
    const problem = problemOf(socket, chain[0], name);
    return { chain, address: socket.remoteAddress, ...(problem === undefined ? {} : { problem }) };
  } finally {
    socket.destroy();
  }
}

function secured(socket: TLSSocket, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const end = (error?: Error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    };
    socket.once("secureConnect", () => end());
    socket.on("error", end);
    socket.once("close", () => end(new Error("the connection was closed")));
  });
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const seen = new Map<string, X509Certificate>();
  for (let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true); next?.raw; next = next.issuerCertificate) {
    if (seen.has(next.fingerprint256)) break;
    const [certificate] = certificatesIn(pemFrom(next.raw));
    if (certificate) seen.set(next.fingerprint256, certificate);
  }
  return [...seen.values()];
}

function pemFrom(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----`;
}

/** With verification left to us, the name is not looked at unless we do. */
function problemOf(socket: TLSSocket, own: X509Certificate | undefined, name: string): string | undefined {
  if (!socket.authorized) return String(socket.authorizationError ?? "UNKNOWN");
  const fits = isIP(name) === 0 ? own?.checkHost(name) : own?.checkIP(name);
  return fits === undefined ? "ERR_TLS_CERT_ALTNAME_INVALID" : undefined;
}

/** Whether a problem means that nobody who is trusted signed the certificate, rather than that it is too old or for another name. */
export function isUnknownIssuer(problem: string | undefined): boolean {
  return /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED)$/.test(
    problem ?? "",
  );
}
