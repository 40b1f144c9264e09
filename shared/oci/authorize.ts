import { Fault } from "../fault.ts";
import type { Challenge } from "./challenge.ts";

export type Credentials = { user: string; password: string };
export type Send = (url: URL, init: RequestInit) => Promise<Response>;

/**
 * The Authorization header that answers the challenge, for doing `actions` in one repository.
 * @throws Fault not_logged_in, token_rejected
 */
export async function authorize(
  challenge: Challenge,
  registry: URL,
  { repository, actions }: { repository: string; actions: string },
  credentials: Credentials | undefined,
  send: Send,
): Promise<string> {
  const basic = credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
  if (challenge.scheme === "basic") {
    if (basic === undefined) throw needsLogin(registry);
    return basic;
  }
  const realm = URL.parse(challenge.parameters["realm"] ?? "");
  if (challenge.scheme !== "bearer" || realm === null)
    throw new Fault("token_rejected", `${registry.host} wants a login that davit does not know: ${challenge.scheme}`);
  // Sending the password on in clear because the registry says so would make its TLS worthless.
  if (realm.protocol !== "https:" && registry.protocol === "https:")
    throw new Fault("token_rejected", `${registry.host} sends logins to ${realm.origin}, which is not encrypted`);
  if (challenge.parameters["service"]) realm.searchParams.set("service", challenge.parameters["service"]);
  realm.searchParams.set("scope", `repository:${repository}:${actions}`);
  const answer = await send(realm, { headers: basic === undefined ? {} : { authorization: basic } });
  if (!answer.ok)
    throw basic === undefined
      ? needsLogin(registry)
      : new Fault("token_rejected", `${realm.host} refused the login for ${registry.host}: HTTP ${answer.status}`);
  const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string };
  return `Bearer ${token ?? access_token ?? ""}`;
}

const needsLogin = (registry: URL): Fault => new Fault("not_logged_in", `${registry.host} wants a login`, { details: { registry: registry.host } });
