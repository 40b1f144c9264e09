import { decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { Fault } from "#shared/fault";
import { ISSUER, type RegistryKey } from "#shared/registry/key";
import { Secret } from "#shared/secret";

/** What tells these tokens from all others that the key signs, and from those that the API server knows. */
const TYPE = "davit-fetch+jwt";
const AUDIENCE = "davit-agent";

/** What a fetch token is for: one revision's source, brought to its namespace. */
export interface FetchClaims {
  namespace: string;
  revision: string;
}

/** For a fetch Job: good for telling the agent a tree and sending its packs, in one namespace, for some minutes. */
export async function mintFetchToken(key: RegistryKey, { namespace, revision }: FetchClaims, ttlSeconds: number): Promise<Secret> {
  const jwt = new SignJWT({ namespace, revision })
    .setProtectedHeader({ alg: "ES256", typ: TYPE, kid: key.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${ttlSeconds}s`);
  return new Secret(await jwt.sign(key.sign));
}

/** What a token is for when it is a fetch token, else undefined. @throws Fault token_rejected when it is one that is not good */
export async function readFetchToken(key: RegistryKey, token: string): Promise<FetchClaims | undefined> {
  if (typeOf(token) !== TYPE) return undefined;
  try {
    const rules = { issuer: ISSUER, audience: AUDIENCE, typ: TYPE, algorithms: ["ES256"], requiredClaims: ["exp"] };
    const { namespace, revision } = (await jwtVerify<FetchClaims>(token, key.verify, rules)).payload;
    return { namespace, revision };
  } catch (cause) {
    throw new Fault("token_rejected", "the fetch's token is not valid, or no longer", { cause });
  }
}

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch {
    return undefined;
  }
}
