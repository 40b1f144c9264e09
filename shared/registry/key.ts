import { readFile } from "node:fs/promises";
import { calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { Secret } from "../secret.ts";

/** Who signs, in every credential and token of the registry; distribution's configuration names it too. */
export const ISSUER = "davit";

/** The ES256 key that install made. It signs credentials (for people, builds and nodes) and tokens (for distribution). */
export interface RegistryKey {
  /** RFC 7638 thumbprint: distribution finds the key in its JWKS by it. */
  kid: string;
  sign: CryptoKey;
  verify: CryptoKey;
}

/** @throws Error when the text is no private ES256 JWK; the text itself is never in the message */
export async function registryKeyOf(jwk: Secret): Promise<RegistryKey> {
  const parsed = parse(jwk.reveal());
  const { d: _, key_ops: __, ...open } = parsed;
  if (parsed.kty !== "EC" || parsed.crv !== "P-256" || !parsed.d) throw new Error("the registry key is not a private P-256 JWK");
  return {
    kid: await calculateJwkThumbprint(open),
    sign: (await importJWK(parsed, "ES256")) as CryptoKey,
    verify: (await importJWK(open, "ES256")) as CryptoKey,
  };
}

/** The key in a file, as the Secret davit-registry-key is mounted. */
export async function readRegistryKey(path: string): Promise<RegistryKey> {
  return registryKeyOf(new Secret(await readFile(path, "utf8")));
}

function parse(text: string): JWK {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the registry key is not JSON");
  }
}
