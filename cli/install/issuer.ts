import { z } from "zod";
import { IssuerRef, TLS_SECRET } from "#shared/certificates";
import { usage } from "./said-files.ts";

/** Who vouches for what people see of an installation, as the admin chose it. Nothing in it is secret. */
export const IssuerChoice = z.discriminatedUnion("kind", [
  /** davit's own CA. */
  z.object({ kind: z.literal("private-ca") }),
  /** Each certificate vouches for itself. */
  z.object({ kind: z.literal("selfsigned") }),
  /** `ca`: PEM of the CA of the ACME server's own certificate; empty: a public one. */
  z.object({ kind: z.literal("acme"), server: z.string(), email: z.string(), ca: z.string() }),
  z.object({ kind: z.literal("existing"), issuer: IssuerRef }),
  /** A CA of the admin's instead of davit's own. */
  z.object({ kind: z.literal("given-ca") }),
  /** A certificate of the admin's, in this Secret of the namespace davit. */
  z.object({ kind: z.literal("given-certificate"), secret: z.string() }),
]);
export type IssuerChoice = z.infer<typeof IssuerChoice>;

/** Whether nodes that pull by the ingress are shown a certificate of davit's CA, or of the one that the admin brought in its place. */
export function isOwnCa(issuer: IssuerChoice | undefined): boolean {
  return issuer === undefined || ["private-ca", "selfsigned", "given-ca"].includes(issuer.kind);
}

/** What was said of it; undefined: not said. */
export interface IssuerFlags {
  issuer?: string | undefined;
  acmeServer?: string | undefined;
  acmeEmail?: string | undefined;
  /** PEM; empty: a public CA. */
  acmeCa?: string | undefined;
  /** Whether a certificate or a CA came along, in files. */
  files?: "certificate" | "ca" | undefined;
  tlsSecret?: string | undefined;
}

/** Let's Encrypt's. */
const ACME_SERVERS: Record<string, string> = {
  production: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
};
const EXISTING = /^existing:(Issuer|ClusterIssuer)\/([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$/;
const PLAIN = ["private-ca", "selfsigned", "acme", "byo"] as const;

/** @throws Fault usage for what is wrong by itself */
export function checkIssuer({ issuer, acmeServer, acmeEmail, tlsSecret }: IssuerFlags): void {
  if (issuer !== undefined && !(PLAIN as readonly string[]).includes(issuer) && !EXISTING.test(issuer))
    throw usage("--issuer", "--issuer is one of private-ca, selfsigned, acme, byo, existing:Issuer/NAME and existing:ClusterIssuer/NAME");
  if (acmeServer !== undefined) acmeUrl(acmeServer);
  if (acmeEmail && !/^[^\s@]+@[^\s@]+$/.test(acmeEmail)) throw usage("--acme-email", "--acme-email has to be an e-mail address");
  if (tlsSecret !== undefined && !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(tlsSecret))
    throw usage("--tls-secret", "--tls-secret takes the name of a Secret in the namespace davit");
}

/** What was said wins over what is installed; undefined: nobody ever chose. @throws Fault usage */
export function resolveIssuer(flags: IssuerFlags, installed: IssuerChoice | undefined): IssuerChoice | undefined {
  const wanted = flags.issuer ?? wordOf(installed);
  checkBelongs(flags, wanted);
  if (flags.issuer === undefined && flags.files === undefined && flags.tlsSecret === undefined && wanted !== "acme") return installed;
  if (wanted === "private-ca" || wanted === "selfsigned") return { kind: wanted };
  if (wanted === "acme") return acme(flags, installed);
  if (wanted === "byo") return given(flags, installed);
  const [, kind, name] = EXISTING.exec(wanted) ?? [];
  return { kind: "existing", issuer: IssuerRef.parse({ kind, name }) };
}

/** The word of --issuer that means it. */
function wordOf(choice: IssuerChoice | undefined): string {
  if (choice?.kind === "existing") return `existing:${choice.issuer.kind}/${choice.issuer.name}`;
  return choice?.kind.startsWith("given") ? "byo" : (choice?.kind ?? "private-ca");
}

function checkBelongs({ acmeServer, acmeEmail, acmeCa, files, tlsSecret }: IssuerFlags, wanted: string): void {
  const [server, email, ca] = [acmeServer, acmeEmail, acmeCa].map((value) => value !== undefined);
  const flag = server ? "--acme-server" : email ? "--acme-email" : "--acme-ca";
  if (wanted !== "acme" && (server || email || ca)) throw usage(flag, `${flag} goes with --issuer acme`);
  const brought = files === "ca" ? "--ca-cert" : files ? "--tls-cert" : "--tls-secret";
  if (wanted !== "byo" && (files || tlsSecret !== undefined)) throw usage(brought, `${brought} goes with --issuer byo`);
}

function acme(flags: IssuerFlags, installed: IssuerChoice | undefined): IssuerChoice {
  const before = installed?.kind === "acme" ? installed : undefined;
  return {
    kind: "acme",
    server: acmeUrl(flags.acmeServer ?? before?.server ?? "production"),
    email: flags.acmeEmail ?? before?.email ?? "",
    ca: flags.acmeCa ?? before?.ca ?? "",
  };
}

function given({ files, tlsSecret }: IssuerFlags, installed: IssuerChoice | undefined): IssuerChoice {
  if (files === "ca") return { kind: "given-ca" };
  if (files === "certificate") return { kind: "given-certificate", secret: TLS_SECRET.given };
  if (tlsSecret !== undefined) return { kind: "given-certificate", secret: tlsSecret };
  if (installed?.kind === "given-ca" || installed?.kind === "given-certificate") return installed;
  throw usage("--issuer", "--issuer byo needs --tls-cert and --tls-key, or --tls-secret, or --ca-cert and --ca-key");
}

function acmeUrl(text: string): string {
  const url = URL.parse(ACME_SERVERS[text] ?? text);
  if (url?.protocol === "https:" && url.username === "" && url.password === "") return url.href;
  throw usage("--acme-server", "--acme-server is production, staging, or the https URL of an ACME server's directory");
}
