import { createPrivateKey, type KeyObject } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { Secret } from "../secret.ts";
import { polyfillReflect } from "./reflect-polyfill.ts";

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** The agent makes them anew in time. */
const LEAF_DAYS = 90;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate and its key, both PEM. */
export interface KeyPair {
  certificate: string;
  key: Secret;
}

/** What a leaf is to be: its names may be DNS names and IPv4 or IPv6 addresses, the first is its common name. */
export interface LeafRequest {
  names: string[];
}

async function load(): Promise<typeof X509> {
  polyfillReflect();
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(crypto);
  return x509;
}

/** davit's own certificate authority: P-256, ten years, may sign leafs only. */
export async function newAuthority(now = new Date()): Promise<KeyPair> {
  const x509 = await load();
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=davit CA ${now.toISOString().slice(0, 10)}`,
    notBefore: hourBefore(now),
    notAfter: new Date(now.getTime() + CA_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

/** A server certificate signed by the authority, or without one by itself. */
export async function newLeaf(authority: KeyPair | undefined, request: LeafRequest, now = new Date()): Promise<KeyPair> {
  const x509 = await load();
  const issuer = authority && new x509.X509Certificate(authority.certificate);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const signer = authority ? await signerOf(authority.key) : { signingKey: keys.privateKey, signingAlgorithm: ALGORITHM };
  const subject = new x509.Name([{ CN: [(request.names[0] ?? "davit").slice(0, 64)] }]).toString();
  const end = Math.min(now.getTime() + LEAF_DAYS * DAY_MS, issuer?.notAfter.getTime() ?? Number.POSITIVE_INFINITY);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: issuer?.subject ?? subject,
    notBefore: hourBefore(now),
    notAfter: new Date(end),
    publicKey: keys.publicKey,
    ...signer,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(request.names.map((value) => ({ type: isAddress(value) ? "ip" : "dns", value }))),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer?.publicKey ?? keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

const CURVES: Record<string, { namedCurve: string; hash: string }> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { namedCurve: "P-521", hash: "SHA-512" },
};

/** Whether davit can sign with a CA's key: RSA, or ECDSA on one of NIST's curves. */
export function canSign(key: KeyObject): boolean {
  return algorithmOf(key) !== undefined;
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const curve = CURVES[asymmetricKeyDetails?.namedCurve ?? ""];
  return curve ? { name: "ECDSA", ...curve } : undefined;
}

/** A CA that an admin brought has a key of any kind, in any of PEM's forms. */
async function signerOf(pem: Secret): Promise<{ signingKey: CryptoKey; signingAlgorithm: { name: string; hash: string } }> {
  const key = createPrivateKey(pem.reveal());
  const algorithm = algorithmOf(key);
  if (!algorithm) throw new Error(`davit cannot sign with a key of the kind ${key.asymmetricKeyType}`);
  const der = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  return { signingKey: await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]), signingAlgorithm: algorithm };
}

/** Whether a leaf can stay: signed by this authority, for exactly these names, and not about to end. */
export async function leafIsGood(leaf: string, authority: string, request: LeafRequest, now = new Date()): Promise<boolean> {
  return (await leafIsDue(leaf, authority, request)) > now;
}

/** When a leaf has to be made anew: with a third of its time left, and at once when it is not of this authority or not for exactly these names. */
export async function leafIsDue(leaf: string, authority: string, request: LeafRequest): Promise<Date> {
  const x509 = await load();
  try {
    const [certificate, issuer] = [new x509.X509Certificate(leaf), new x509.X509Certificate(authority)];
    const { notBefore, notAfter } = certificate;
    const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map((name) => name.value) ?? [];
    const right = sameNames(names, request.names) && (await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true }));
    return right ? new Date(notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 3) : new Date(0);
  } catch {
    return new Date(0);
  }
}

function sameNames(a: string[], b: string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}

/** IPv6 has colons, which DNS names never have. */
function isAddress(name: string): boolean {
  return /^\d+(\.\d+){3}$/.test(name) || name.includes(":");
}

/** Clocks of nodes differ; a certificate from the future is refused. */
function hourBefore(now: Date): Date {
  return new Date(now.getTime() - 3_600_000);
}

/** 16 random bytes, the first below 0x80 so that the number is positive as written. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return Buffer.from(bytes).toString("hex");
}

function pem(certificate: X509.X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

async function exportKey(key: CryptoKey): Promise<Secret> {
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return new Secret(`-----BEGIN PRIVATE KEY-----\n${base64.match(/.{1,64}/g)?.join("\n")}\n-----END PRIVATE KEY-----\n`);
}
