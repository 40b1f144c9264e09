import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { Secret } from "#shared/secret";

/** The registry's signing key: the private half for the agent and the gate, the public JWKS for distribution. */
export interface RegistrySigningKey {
  privateJwk: Secret;
  jwks: string;
}

/** Made once per installation: with another key, every pull secret in the cluster would be void. */
export async function newRegistryKey(): Promise<RegistrySigningKey> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const privateJwk = new Secret(JSON.stringify(await exportJWK(privateKey)));
  return { privateJwk, jwks: await jwksOf(privateJwk) };
}

/** The JWKS that goes with a private key; the key's id is its thumbprint, as the gate computes it. */
export async function jwksOf(privateJwk: Secret): Promise<string> {
  const { d: _, ...open } = JSON.parse(privateJwk.reveal());
  const kid = await calculateJwkThumbprint(open);
  return JSON.stringify({ keys: [{ ...open, kid, alg: "ES256", use: "sig" }] });
}
