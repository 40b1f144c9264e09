import { toFault } from "#shared/fault";
import { subjectOf, verifyCredential } from "#shared/registry/credential";
import type { RegistryKey } from "#shared/registry/key";
import type { Log } from "../log.ts";
import type { Pushes } from "./pushes.ts";
import { type Access, grant, mintRegistryToken, parseScopes, SERVICE, tokenSeconds } from "./token.ts";

/** Far more than the largest form with a credential in it; the body comes from anybody, so it is bounded. */
const MAX_FORM_BYTES = 64 * 1024;

export interface TokenService {
  /** Of credentials. */
  key: RegistryKey;
  /** Of tokens, which distribution knows. */
  tokenKey: RegistryKey;
  /** Told of every build that gets a token. */
  pushes: Pushes;
  log: Log;
}

/**
 * Answers `/auth/token` as both kinds of client ask: GET with Basic (crane, kaniko, skopeo) and POST with a form (containerd).
 * 401 for a credential that is not good; a good one that may do nothing of what it asked gets a token that allows nothing.
 */
export async function answerToken(
  request: Request,
  { key, tokenKey, pushes, log }: TokenService,
  { mayChange }: { mayChange: boolean },
): Promise<Response> {
  const asked = request.method === "POST" ? await readForm(request) : readQuery(request);
  if (asked === undefined) return refusal(400, "UNSUPPORTED", "the form is too large or not one");
  if (asked.password === undefined) return refusal(401, "UNAUTHORIZED", "a credential is needed");
  if (asked.service !== null && asked.service !== SERVICE) return refusal(400, "UNSUPPORTED", `this is the service '${SERVICE}'`);
  try {
    const { credential, expiresAt } = await verifyCredential(key, asked.password);
    const access = grant(credential, mayChange ? asked.scopes : pullsOf(asked.scopes));
    if (access.length === 0 && asked.scopes.length > 0)
      log("a registry token grants nothing of what was asked", { subject: subjectOf(credential), asked: asked.scopes });
    const ttlSeconds = tokenSeconds(Math.floor(Date.now() / 1000), expiresAt);
    const mint = () => mintRegistryToken(tokenKey, { subject: subjectOf(credential), access, ttlSeconds });
    const token = (await (credential.kind === "build" ? pushes.grant(credential.repository, mint) : mint())).reveal();
    return Response.json(
      { token, access_token: token, expires_in: ttlSeconds, issued_at: new Date().toISOString() },
      { headers: { "cache-control": "no-store" } },
    );
  } catch (error) {
    const fault = toFault(error);
    if (fault.code !== "token_rejected") throw error;
    log("a registry credential was refused", { reason: fault.message, asked: asked.scopes });
    return refusal(401, "UNAUTHORIZED", fault.message);
  }
}

function pullsOf(scopes: readonly Access[]): Access[] {
  return scopes.map((scope) => ({ ...scope, actions: scope.actions.filter((action) => action === "pull") }));
}

interface Asked {
  password: string | undefined;
  service: string | null;
  scopes: Access[];
}

function readQuery(request: Request): Asked {
  const { searchParams } = new URL(request.url);
  return { password: basicPassword(request), service: searchParams.get("service"), scopes: parseScopes(searchParams.getAll("scope")) };
}

async function readForm(request: Request): Promise<Asked | undefined> {
  const text = await readBounded(request.body);
  if (text === undefined) return undefined;
  const form = new URLSearchParams(text);
  const password = form.get("grant_type") === "password" ? form.get("password") : null;
  return { password: password ?? basicPassword(request), service: form.get("service"), scopes: parseScopes(form.getAll("scope")) };
}

function basicPassword(request: Request): string | undefined {
  const [scheme, value] = (request.headers.get("authorization") ?? "").split(" ");
  if (scheme?.toLowerCase() !== "basic" || !value) return undefined;
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
}

async function readBounded(body: ReadableStream<Uint8Array> | null): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > MAX_FORM_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** An error in the registry API's own form, which clients print. */
export function refusal(status: number, code: string, message: string): Response {
  const headers: Record<string, string> = status === 401 ? { "www-authenticate": 'Basic realm="davit"' } : {};
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}
