import { type CertificatePlan, TLS_SECRET } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { V1ConfigMap, V1Secret } from "#shared/kube/objects";
import { factsOf } from "#shared/tls/certificate";
import { type Handshake, handshake, isUnknownIssuer } from "#shared/tls/handshake";
import { loadLogins, loginsFile } from "../../agent-client/logins.ts";
import { agentUrl } from "../../install/options.ts";
import type { World } from "../check.ts";
import { certificateFacts, type Finding, ok, problem } from "../finding.ts";

const ANSWER_MS = 5000;
const TRUST = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" };

/** The agent's address as this machine knows it. `ca`: PEM; undefined: the CAs that this machine trusts. */
interface Door {
  url: URL;
  ca: string | undefined;
  /** Who says so. */
  by: "the login" | "the installation";
}

/** What was found there. */
interface Seen {
  shown: Handshake | Error;
  /** Of the answer to a request; undefined where the certificate is not trusted. */
  status?: number | undefined;
}

/** From this machine, through the ingress, to the agent. */
export async function lookAtAgent(world: World): Promise<Finding[]> {
  const door = await doorOf(world);
  const shown = await shownAt(door);
  if (shown instanceof Error || shown.problem) return [agentVerdict(door, { shown })];
  const { status } = await fetch(new URL("/healthz", door.url), {
    redirect: "manual",
    ...(door.ca ? { tls: { ca: door.ca } } : {}),
    signal: AbortSignal.any([world.signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  return [agentVerdict(door, { shown, status })];
}

/** The current login's, if it is one for this installation. */
async function doorOf({ kube, env, options, plan, signal }: World): Promise<Door> {
  const url = new URL(agentUrl(options.domain));
  const { current, servers } = loadLogins(loginsFile(env));
  if (current !== null && new URL(current).hostname === url.hostname) return { url: new URL(current), ca: servers[current]?.ca, by: "the login" };
  const shown = options.gateway ? TLS_SECRET.wildcard : TLS_SECRET.agent;
  return { url, ca: (await authorityOf(kube, plan, shown, signal)) || undefined, by: "the installation" };
}

/** The CA that vouches for the agent, which is empty where a public one does. While one CA replaces another, both are in the bundle. */
async function authorityOf(kube: Kube, { outside }: CertificatePlan, shown: string, signal: AbortSignal): Promise<string> {
  if (outside.by === "davit-ca") return (await kube.get<V1ConfigMap>(TRUST, signal))?.data?.["ca.crt"] ?? "";
  const secret = await kube.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: shown }, signal);
  const data = secret?.data?.[outside.by === "self" ? "tls.crt" : "ca.crt"] ?? "";
  return Buffer.from(data, "base64").toString("utf8");
}

async function shownAt({ url, ca }: Door): Promise<Handshake | Error> {
  try {
    return await handshake({ host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || 443, ca });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

export function agentVerdict({ url, by }: Pick<Door, "url" | "by">, { shown, status }: Seen): Finding {
  if (shown instanceof Error) {
    return problem(`it cannot be reached: ${shown.message}`, UNREACHED, { peer: url.host });
  }
  const [own] = shown.chain;
  const facts = { peer: `${url.host} (${shown.address})`, ...certificateFacts(own && factsOf(own)) };
  if (shown.problem === "CERT_HAS_EXPIRED") return problem(`its certificate ended at ${facts.notAfter}`, "`davit install` renews it", facts);
  if (shown.problem) {
    const why = isUnknownIssuer(shown.problem) ? `of a CA that ${by} does not trust` : `not for ${url.hostname}`;
    return problem(`the certificate that is shown is ${why}`, OTHER_CERTIFICATE(url.hostname), facts);
  }
  if (status === 200) return ok(`it answers, with a certificate that ${by} trusts`, facts);
  if (status === 404) return problem(`no Ingress leads from ${url.host} to the agent, nor an HTTPRoute`, NO_INGRESS, facts);
  return problem(`the ingress answers for ${url.host} with status ${status}, not the agent`, "see `davit status`: the agent may not run", facts);
}

const UNREACHED = "check DNS (`davit doctor --only dns`), and that the ingress controller's port for https is open from here";
const NO_INGRESS =
  "`davit install` makes the Ingress davit/davit-agent, or the HTTPRoute of that name with --gateway; a controller has to serve it (`davit doctor --only ingress-class`)";
const OTHER_CERTIFICATE = (host: string) =>
  `\`davit install\` has the Ingress davit/davit-agent show the Secret davit-agent-tls; if it does, another Ingress has the host ${host} (\`kubectl get ingress -A\`), or log in again with the CA that is meant`;
