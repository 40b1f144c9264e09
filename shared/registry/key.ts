import { errors, importJWK, type JWK } from "jose";
import type { Secret } from "../secret.ts";
import { publicHalf } from "./signing-key.ts";

/** Who signs, in every credential and token of the registry; distribution's configuration names it too. */
export const ISSUER = "davit";

/** The ES256 key that install made, or `davit rotate signing-key`. It signs credentials for people, builds and nodes. */
export interface RegistryKey {
  readonly kid: string;
  readonly sign: CryptoKey;
  /** The key that a signature names, if it is accepted; while one key replaces another both are. */
  readonly verify: (header: { kid?: string | undefined }) => CryptoKey;
  /** The public halves of all that are accepted, the one that signs first. */
  readonly jwks: { keys: JWK[] };
}

/** @throws Error when one is no private ES256 JWK */
export async function registryKeyOf(signing: Secret, ...accepted: Secret[]): Promise<RegistryKey> {
  const halves = await Promise.all([signing, ...accepted].map(publicHalf));
  const keys = new Map(await Promise.all(halves.map(async (half) => [half.kid, (await importJWK(half, "ES256")) as CryptoKey] as const)));
  return {
    kid: halves[0]?.kid ?? "",
    sign: (await importJWK(JSON.parse(signing.reveal()), "ES256")) as CryptoKey,
    verify: ({ kid = "" }) => {
      const key = keys.get(kid);
      if (!key) throw new errors.JWKSNoMatchingKey();
      return key;
    },
    jwks: { keys: halves },
  };
}
