import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Fault } from "#shared/fault";
import { parseChallenge } from "#shared/oci/challenge";
import { sha256 } from "#shared/pack";
import { DIRECT, type Proxies } from "#shared/proxy";
import { wellKnownAnd } from "#shared/tls/well-known";
import { aborted } from "../aborted.ts";
import type { Config } from "../config.ts";
import { guardedResolve, type Resolve } from "../fetch/guard.ts";
import { bodyOf, guardedRequest } from "../guarded-request.ts";
import { MANIFESTS } from "../images/image-registry.ts";
import { apiOf, type ImageReference } from "./reference.ts";

/** What a registry knows of an image. `unknown`: it could not be asked, or told nothing without a credential. */
export type Found = { kind: "digest"; digest: string } | { kind: "missing"; where: string } | { kind: "unknown"; why: string };

interface Asking {
  reference: ImageReference;
  resolve: Resolve;
  /** For hosts that the registry sends us to. */
  suspicious: Resolve;
  /** Trusted instead of the well-known authorities. */
  ca: string[] | undefined;
  proxies: Proxies;
  signal: AbortSignal;
}

/** A part of the wire, without the connection. */
interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const PATIENCE_MS = 10_000;
const TRIES = 2;
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Manifests have some kilobytes, tokens less. */
const MAX_BYTES = 4 * 1024 * 1024;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Whom to ask, and for how long. */
interface Asked {
  mirrors: Config["mirrors"];
  /** PEM of those that are trusted besides the well-known ones. */
  extraCas?: string;
  proxies?: Proxies;
  /** Addresses that are not asked, besides those that nobody is. */
  refused: ReadonlySet<string>;
  stop: AbortSignal;
  patienceMs?: number;
}

/**
 * Asks for an image's digest, as nodes would: where the installation says that images of its registry come from, and
 * then the registry itself.
 */
export async function askDigest(
  reference: ImageReference,
  { mirrors, extraCas = "", proxies = DIRECT, refused, stop, patienceMs = PATIENCE_MS }: Asked,
): Promise<Found> {
  const suspicious = guardedResolve(refused);
  const ca = wellKnownAnd(extraCas);
  const own = mirrors.filter(({ registry }) => registry === reference.registry);
  const places = [
    // A mirror was named by who installed davit: it may be anywhere, and be plain HTTP.
    ...own.map(({ url }) => ({ url, resolve: async (host: string) => [host.replace(/^\[|\]$/g, "")] })),
    { url: apiOf(reference.registry), resolve: suspicious },
  ];
  const told: Found[] = [];
  for (const { url, resolve } of places) {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(patienceMs)]);
    const found = await ask(url, { reference, resolve, suspicious, ca, proxies, signal }, stop);
    if (found.kind === "digest") return found;
    told.push(found);
  }
  return (
    told.find(({ kind }) => kind === "missing") ?? { kind: "unknown", why: told.flatMap((found) => ("why" in found ? found.why : [])).join("; ") }
  );
}

async function ask(registry: URL, asking: Asking, stop: AbortSignal): Promise<Found> {
  for (let tried = 1; ; tried++) {
    try {
      return await untilAborted(askRegistry(registry, asking), asking.signal);
    } catch (error) {
      stop.throwIfAborted();
      if (tried < TRIES && !asking.signal.aborted && !(error instanceof Fault)) continue;
      const why = asking.signal.aborted ? "it does not answer in time" : error instanceof Error ? error.message : String(error);
      return { kind: "unknown", why: `${registry.host}: ${why}` };
    }
  }
}

/** The work's end, unless the signal aborts first: a question to DNS cannot be taken back. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  const over = aborted(signal).then(() => {
    throw signal.reason;
  });
  over.catch(() => undefined);
  return await Promise.race([work, over]);
}

async function askRegistry(registry: URL, asking: Asking): Promise<Found> {
  const { repository, tag, digest } = asking.reference;
  const url = new URL(`/v2/${repository}/manifests/${digest ?? tag}`, registry);
  let authorization: string | undefined;
  let answer = await send("HEAD", url, asking, authorization);
  if (answer.status === 401) {
    authorization = await anonymousToken(registry, answer.headers, asking);
    answer = await send("HEAD", url, asking, authorization);
  }
  if (answer.status === 401 || answer.status === 403) return { kind: "unknown", why: `${registry.host} tells nothing of it without a credential` };
  if (answer.status === 404) return { kind: "missing", where: registry.host };
  if (answer.status !== 200) return { kind: "unknown", why: `${registry.host} answers with status ${answer.status}` };
  const told = answer.headers["docker-content-digest"];
  if (typeof told === "string" && DIGEST.test(told)) return { kind: "digest", digest: told };
  const { status, body } = await send("GET", url, asking, authorization);
  if (status !== 200 || body.length === 0) return { kind: "unknown", why: `${registry.host} gives no manifest` };
  return { kind: "digest", digest: `sha256:${sha256(body)}` };
}

/** A token that everybody gets, where there is one. */
async function anonymousToken(registry: URL, headers: IncomingHttpHeaders, asking: Asking): Promise<string | undefined> {
  const { scheme, parameters } = parseChallenge(headers["www-authenticate"] ?? "");
  const realm = URL.parse(parameters["realm"] ?? "");
  if (scheme !== "bearer" || !realm) return undefined;
  if (parameters["service"]) realm.searchParams.set("service", parameters["service"]);
  realm.searchParams.set("scope", `repository:${asking.reference.repository}:pull`);
  const { status, body } = await send("GET", realm, { ...asking, resolve: resolveFor(registry, realm, asking) }, undefined);
  if (status !== 200) return undefined;
  const { token, access_token } = JSON.parse(body.toString()) as { token?: string; access_token?: string };
  return `Bearer ${token ?? access_token ?? ""}`;
}

/** Follows redirects; the token goes to the registry and nowhere else. */
async function send(method: "GET" | "HEAD", url: URL, asking: Asking, authorization: string | undefined): Promise<Answer> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const headers = { accept: MANIFESTS.join(", "), ...(authorization && at.origin === url.origin ? { authorization } : {}) };
    const { ca, proxies, signal } = asking;
    const message = await guardedRequest(at, { method, headers, ca, resolve: resolveFor(url, at, asking), proxies, signal });
    const answer = await read(message);
    const to = REDIRECTS.has(answer.status) ? URL.parse(answer.headers.location ?? "", at.href) : null;
    if (!to) return answer;
    at = to;
  }
  throw new Error("it redirects without end");
}

async function read(message: IncomingMessage): Promise<Answer> {
  return { status: message.statusCode ?? 0, headers: message.headers, body: await bodyOf(message, MAX_BYTES) };
}

/** How a host that a registry sends us to is resolved: as the registry itself when it is that, else with suspicion. @throws Error */
function resolveFor(registry: URL, to: URL, { resolve, suspicious }: Asking): Resolve {
  if (to.origin === registry.origin) return resolve;
  if (to.protocol !== "https:") throw new Error(`it sends us to ${to.origin}, which is not encrypted`);
  return suspicious;
}
