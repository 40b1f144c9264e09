import { CA_ISSUER, type CertificatePlan, SELF_ISSUER, TLS_SECRET } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { isServed } from "./is-served.ts";
import type { IssuerChoice } from "./issuer.ts";
import { type Data, readSecret } from "./made.ts";
import { hostOf, type InstallOptions } from "./options.ts";
import { trusting } from "./trust-ca.ts";

const API = "cert-manager.io/v1";
/** In davit's namespace, as its other Issuers are. */
const ACME_ISSUER = "davit-acme";
const READY_MS = 30_000;

/** An Issuer or ClusterIssuer, as far as it matters here. */
export interface Issuer extends KubeObject {
  metadata?: KubeObject["metadata"] & { generation?: number };
  spec?: {
    acme?: { solvers?: Solver[] };
    [kind: string]: unknown;
  };
  status?: { conditions?: { type: string; status: string; message?: string; observedGeneration?: number }[] };
}

interface Solver {
  selector?: { dnsNames?: string[]; dnsZones?: string[]; matchLabels?: Record<string, string> };
  dns01?: object;
  http01?: object;
}

/** What the cluster has for issuing certificates. */
export interface IssuerFacts {
  certManager: boolean;
  /** The one that `--issuer existing:…` names. */
  existing?: Issuer | undefined;
  /** What is in the Secret that the admin named. */
  certificate?: Data | undefined;
}

export async function lookForIssuers(kube: Kube, choice: IssuerChoice | undefined): Promise<IssuerFacts> {
  const certManager = await isServed(kube, API);
  if (choice?.kind === "given-certificate") return { certManager, certificate: await readSecret(kube, choice.secret) };
  if (choice?.kind !== "existing" || !certManager) return { certManager };
  const { kind, name } = choice.issuer;
  const namespace = kind === "Issuer" ? "davit" : undefined;
  return { certManager, existing: await kube.get<Issuer>({ apiVersion: API, kind, namespace, name }) };
}

/** Who issues what. */
export function certificatePlan(options: Pick<InstallOptions, "domain" | "issuer">, facts: IssuerFacts): CertificatePlan {
  return { inside: facts.certManager ? "cert-manager" : "agent", outside: outside(options, facts) };
}

function outside(
  { domain, issuer: choice }: Pick<InstallOptions, "domain" | "issuer">,
  { certManager, existing }: IssuerFacts,
): CertificatePlan["outside"] {
  const own = (name: string, wildcard: boolean) => ({ by: "issuer" as const, issuer: { kind: "Issuer" as const, name }, wildcard });
  switch (choice?.kind) {
    case "selfsigned":
      return certManager ? own(SELF_ISSUER, true) : { by: "self" };
    case "acme":
      return own(ACME_ISSUER, false);
    case "existing":
      return { by: "issuer", issuer: choice.issuer, wildcard: issuesWildcard(existing, hostOf(domain)) };
    case "given-certificate":
      return { by: "given" };
    default:
      return { by: "davit-ca" };
  }
}

/** Whether it can vouch for `*.DOMAIN`. ACME servers ask for a proof by DNS then, so a solver that can do it has to fit the name. */
export function issuesWildcard(issuer: Issuer | undefined, domain: string): boolean {
  const solvers = issuer?.spec?.acme?.solvers;
  return solvers === undefined || solvers.some((solver) => solver.dns01 !== undefined && fits(solver.selector, domain));
}

function fits(selector: Solver["selector"], domain: string): boolean {
  const { dnsNames = [], dnsZones = [], matchLabels = {} } = selector ?? {};
  // Labels are those of Certificates; davit gives its own none that somebody would select by.
  if (Object.keys(matchLabels).length > 0) return false;
  const named = dnsNames.length === 0 || dnsNames.includes(`*.${domain}`);
  return named && (dnsZones.length === 0 || dnsZones.some((zone) => domain === zone || domain.endsWith(`.${zone}`)));
}

/** The Issuers that davit makes for itself, where cert-manager is there. */
export function issuers(options: Pick<InstallOptions, "issuer" | "ingressClass" | "trustCa">, plan: CertificatePlan): Issuer[] {
  const { issuer: choice, ingressClass } = options;
  const made = plan.inside === "cert-manager" ? [issuer(CA_ISSUER, { ca: { secretName: "davit-ca" } })] : [];
  if (choice?.kind === "acme") made.push(issuer(ACME_ISSUER, { acme: acme(trusting(choice, options), ingressClass) }));
  if (choice?.kind === "selfsigned" && plan.inside === "cert-manager") made.push(issuer(SELF_ISSUER, { selfSigned: {} }));
  return made;
}

/** Takes away what only an issuer before needed: davit's Issuers, and the certificate that the admin brought with its key. */
export async function retireIssuers(kube: Kube, made: readonly Issuer[], { inside, outside }: CertificatePlan): Promise<void> {
  if (outside.by !== "given") await removeGiven(kube);
  if (inside !== "cert-manager") return;
  const needless = [ACME_ISSUER, SELF_ISSUER].filter((name) => made.every(({ metadata }) => metadata?.name !== name));
  await Promise.all(needless.map((name) => kube.remove({ apiVersion: API, kind: "Issuer", namespace: "davit", name })));
}

/** A Secret of that name that the admin made is the admin's. */
async function removeGiven(kube: Kube): Promise<void> {
  const ref = { apiVersion: "v1", kind: "Secret", namespace: "davit", name: TLS_SECRET.given };
  const { metadata } = (await kube.get(ref)) ?? {};
  if (metadata?.labels?.["app.kubernetes.io/managed-by"] === "davit") await kube.remove(ref, { uid: metadata.uid });
}

function acme({ server, email, ca }: Extract<IssuerChoice, { kind: "acme" }>, ingressClass: string) {
  return {
    server,
    ...(email ? { email } : {}),
    ...(ca ? { caBundle: Buffer.from(ca).toString("base64") } : {}),
    privateKeySecretRef: { name: "davit-acme-account" },
    solvers: [{ http01: { ingress: ingressClass ? { ingressClassName: ingressClass } : {} } }],
  };
}

function issuer(name: string, spec: Issuer["spec"]): Issuer {
  return { apiVersion: API, kind: "Issuer", metadata: { name, namespace: "davit" }, spec: spec ?? {} };
}

/** Why an issuer cannot be used now; undefined: it can. */
export function unready(found: Issuer | undefined): string | undefined {
  if (!found) return "there is none";
  const ready = found.status?.conditions?.find(({ type }) => type === "Ready");
  if (!ready || (ready.observedGeneration ?? 0) < (found.metadata?.generation ?? 0)) return "cert-manager has not looked at it yet";
  return ready.status === "True" ? undefined : (ready.message ?? "no reason was given");
}

/** Waits until cert-manager says of each that it can issue. @throws Fault issuer_not_ready */
export async function issuersReady(kube: Kube, made: readonly Issuer[], signal: AbortSignal): Promise<void> {
  await Promise.all(made.map((one) => issuerReady(kube, one.metadata?.name ?? "", signal)));
}

async function issuerReady(kube: Kube, name: string, signal: AbortSignal): Promise<void> {
  let why: string | undefined;
  const limit = AbortSignal.timeout(READY_MS);
  try {
    await waitFor<Issuer, true>(
      kube,
      { apiVersion: API, kind: "Issuer", namespace: "davit", name },
      (found) => {
        why = unready(found);
        return why === undefined ? true : undefined;
      },
      AbortSignal.any([signal, limit]),
    );
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new Fault("issuer_not_ready", `cert-manager cannot issue certificates by the Issuer davit/${name}: ${why}`, { details: { issuer: name } });
  }
}
