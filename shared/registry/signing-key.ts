import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import { Secret } from "../secret.ts";

/** Where whoever accepts signatures of davit's shows by which keys: a JWKS, the one that signs now first. */
export const JWKS_PATH = "/.well-known/jwks.json";
/** The files of the Secret davit-registry-key: the key that signs, and, while one replaces another, the other, which is accepted too. */
export const KEY_FILE = { signs: "private.jwk.json", accepted: "accepted.jwk.json" } as const;

/** A private ES256 key as a JWK. */
export async function newSigningKey(): Promise<Secret> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return new Secret(JSON.stringify(await exportJWK(privateKey)));
}

/**
 * The public half; its id, by which a signature names it, is its RFC 7638 thumbprint.
 * @throws Error when the text is no private ES256 JWK; the text itself is never in the message
 */
export async function publicHalf(privateJwk: Secret): Promise<JWK & { kid: string }> {
  const { d, key_ops: _, ...open } = parse(privateJwk.reveal());
  if (open.kty !== "EC" || open.crv !== "P-256" || !d) throw new Error("the signing key is not a private P-256 JWK");
  return { ...open, kid: await calculateJwkThumbprint(open), alg: "ES256", use: "sig" };
}

function parse(text: string): JWK {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the signing key is not JSON");
  }
}
