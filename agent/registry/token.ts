import { SignJWT } from "jose";
import type { Action, Credential } from "#shared/registry/credential";
import { ISSUER, type RegistryKey } from "#shared/registry/key";
import { Secret } from "#shared/secret";

/** Distribution's `auth.token.service`. */
export const SERVICE = "registry";
/** Docker's specification asks for at least 60 s; a transfer that began with a valid token goes on after its end. */
const TOKEN_SECONDS = 300;

/** One thing asked for, and one thing granted, in the words of distribution's token specification. */
export interface Access {
  type: string;
  name: string;
  actions: string[];
}

/** `repository:ns/app:pull,push`, several with spaces between or several parameters; what is not of that form is left out. */
export function parseScopes(scopes: readonly string[]): Access[] {
  return scopes
    .flatMap((scope) => scope.split(" "))
    .flatMap((scope) => {
      const [first, last] = [scope.indexOf(":"), scope.lastIndexOf(":")];
      if (first <= 0 || last <= first + 1 || last === scope.length - 1) return [];
      return [{ type: scope.slice(0, first), name: scope.slice(first + 1, last), actions: scope.slice(last + 1).split(",") }];
    });
}

/** Of what was asked for, that which the credential allows. */
export function grant(credential: Credential, asked: readonly Access[]): Access[] {
  return asked.flatMap(({ type, name, actions }) => {
    const allowed = type === "repository" ? allowedActions(credential, name) : [];
    const granted = actions.filter((action) => (allowed as string[]).includes(action));
    return granted.length > 0 ? [{ type, name, actions: granted }] : [];
  });
}

function allowedActions(credential: Credential, repository: string): Action[] {
  switch (credential.kind) {
    case "build":
      return repository === credential.repository || repository === `${credential.repository}/cache` ? ["pull", "push"] : [];
    case "pull":
      return repository.startsWith(`${credential.namespace}/`) ? ["pull"] : [];
    case "agent":
      // Never push, whatever the credential says: images are made by builds only.
      return credential.access.flatMap((entry) => (entry.repository === repository ? entry.actions.filter((action) => action !== "push") : []));
    case "storage":
      return [];
  }
}

/** How long the token for a credential lives: never longer than the credential itself. Seconds. */
export function tokenSeconds(nowSeconds: number, credentialExpiresAt?: number): number {
  return credentialExpiresAt === undefined ? TOKEN_SECONDS : Math.max(1, Math.min(TOKEN_SECONDS, credentialExpiresAt - nowSeconds));
}

/** A bearer token that distribution accepts. */
export async function mintRegistryToken(key: RegistryKey, options: { subject: string; access: Access[]; ttlSeconds: number }): Promise<Secret> {
  const jwt = new SignJWT({ access: options.access })
    .setProtectedHeader({ alg: "ES256", typ: "JWT", kid: key.kid })
    .setIssuer(ISSUER)
    .setAudience(SERVICE)
    .setSubject(options.subject)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setNotBefore("0s")
    .setExpirationTime(`${options.ttlSeconds}s`);
  return new Secret(await jwt.sign(key.sign));
}
