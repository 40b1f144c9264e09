import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { Fault } from "../fault.ts";
import { Secret } from "../secret.ts";
import { ISSUER, type RegistryKey } from "./key.ts";

/** Not the audience of distribution's tokens: a credential is worth nothing but a token, a token never a credential. */
const AUDIENCE = "davit-registry-credential";
const TYPE = "davit-credential+jwt";

const Action = z.enum(["pull", "push", "delete"]);
export type Action = z.infer<typeof Action>;

/** What a credential is for; what it allows is decided in token.ts. */
export const Credential = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("build"), repository: z.string() }),
  z.object({ kind: z.literal("pull"), namespace: z.string() }),
  z.object({ kind: z.literal("agent"), access: z.array(z.object({ repository: z.string(), actions: z.array(Action) })) }),
  z.object({ kind: z.literal("storage") }),
]);
export type Credential = z.infer<typeof Credential>;

/** A credential that was found genuine; `expiresAt` in seconds since 1970, absent when it does not end by itself. */
export interface VerifiedCredential {
  credential: Credential;
  expiresAt?: number;
}

/** For one build: may push and pull `<namespace>/<app>` and its cache, nothing else. RUN steps can read it, so keep the seconds few. */
export function mintBuildCredential(key: RegistryKey, options: { repository: string; ttlSeconds: number }): Promise<Secret> {
  return mint(key, { kind: "build", repository: options.repository }, options.ttlSeconds);
}

/** For a namespace's pull secret: may pull `<namespace>/*`. Does not expire: a node may need it at any time. */
export function mintPullCredential(key: RegistryKey, options: { namespace: string }): Promise<Secret> {
  return mint(key, { kind: "pull", namespace: options.namespace });
}

/** For the agent: what `access` says, `push` excepted. */
export function mintAgentCredential(
  key: RegistryKey,
  options: { ttlSeconds: number; access: { repository: string; actions: ("pull" | "delete")[] }[] },
): Promise<Secret> {
  return mint(key, { kind: "agent", access: options.access }, options.ttlSeconds);
}

/** For the agent: the gate's `/storage`, which takes the credential itself. It gets no token. */
export function mintStorageCredential(key: RegistryKey, options: { ttlSeconds: number }): Promise<Secret> {
  return mint(key, { kind: "storage" }, options.ttlSeconds);
}

async function mint(key: RegistryKey, credential: Credential, ttlSeconds?: number): Promise<Secret> {
  const jwt = new SignJWT(credential as unknown as Record<string, unknown>)
    .setProtectedHeader({ alg: "ES256", typ: TYPE, kid: key.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE);
  // A pull credential carries no time at all, so that minting it again says the same but for the signature.
  if (ttlSeconds !== undefined) jwt.setIssuedAt().setExpirationTime(`${ttlSeconds}s`);
  return new Secret(await jwt.sign(key.sign));
}

/** @throws Fault token_rejected that says why, without the credential */
export async function verifyCredential(key: RegistryKey, password: string): Promise<VerifiedCredential> {
  try {
    const { payload } = await jwtVerify(password, key.verify, { issuer: ISSUER, audience: AUDIENCE, typ: TYPE, algorithms: ["ES256"] });
    const credential = Credential.parse(payload);
    return { credential, ...(payload.exp === undefined ? {} : { expiresAt: payload.exp }) };
  } catch (cause) {
    const why = cause instanceof errors.JWTExpired ? "has expired" : "is not one that this davit made";
    throw new Fault("token_rejected", `the registry credential ${why}`, { cause });
  }
}

/** Whom a credential speaks for, in logs and as a token's subject. */
export function subjectOf(credential: Credential): string {
  if (credential.kind === "build") return `build:${credential.repository}`;
  return credential.kind === "pull" ? `pull:${credential.namespace}` : "agent";
}
