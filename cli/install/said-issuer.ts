import type { Context } from "../context.ts";
import { checkTogether } from "../flags.ts";
import { checkIssuer, type IssuerFlags } from "./issuer.ts";
import type { Data } from "./made.ts";
import { certificateIn, textOf, usage } from "./said-files.ts";

/** The flags as they were typed. */
export interface TypedIssuer {
  issuer?: string | undefined;
  acmeServer?: string | undefined;
  acmeEmail?: string | undefined;
  acmeCaFile?: string | undefined;
  tlsCertFile?: string | undefined;
  tlsKeyFile?: string | undefined;
  tlsSecret?: string | undefined;
  caCertFile?: string | undefined;
  caKeyFile?: string | undefined;
}

/** What was said of the issuer, and the certificate or the CA that came along, as a Secret's data. */
export interface SaidIssuer {
  issuer: IssuerFlags;
  given: { certificate?: Data; ca?: Data };
}

/** The files read, once what is asked for is no contradiction. @throws Fault usage, without anything that was read */
export function readIssuer(context: Pick<Context, "cwd">, typed: TypedIssuer): SaidIssuer {
  const { issuer, acmeServer, acmeEmail, acmeCaFile, tlsSecret, tlsCertFile, tlsKeyFile, caCertFile, caKeyFile } = typed;
  checkIssuer({ issuer, acmeServer, acmeEmail, tlsSecret });
  checkTogether(
    { "--tls-cert": tlsCertFile !== undefined, "--tls-secret": tlsSecret !== undefined, "--ca-cert": caCertFile !== undefined },
    "one of them vouches",
  );
  const certificate = pairIn(context, { certificate: ["--tls-cert", tlsCertFile], key: ["--tls-key", tlsKeyFile] });
  const ca = pairIn(context, { certificate: ["--ca-cert", caCertFile], key: ["--ca-key", caKeyFile] });
  const files = certificate ? "certificate" : ca ? "ca" : undefined;
  return {
    issuer: { issuer, acmeServer, acmeEmail, acmeCa: certificateIn(context, "--acme-ca", acmeCaFile), files, tlsSecret },
    given: { ...(certificate ? { certificate } : {}), ...(ca ? { ca } : {}) },
  };
}

type Said = [flag: string, file: string | undefined];

function pairIn(context: Pick<Context, "cwd">, { certificate: [certFlag, certFile], key: [keyFlag, keyFile] }: Record<"certificate" | "key", Said>) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined)
    throw usage(certFile === undefined ? keyFlag : certFlag, `${certFlag} and ${keyFlag} go together`);
  const [certificate, key] = [textOf(context, certFlag, certFile), textOf(context, keyFlag, keyFile)];
  if (!certificate.includes("-----BEGIN CERTIFICATE-----")) throw usage(certFlag, `${certFlag} ${certFile} has no PEM certificate in it`);
  if (!/-----BEGIN (RSA |EC )?PRIVATE KEY-----/.test(key)) throw usage(keyFlag, `${keyFlag} ${keyFile} has no PEM key in it, or one with a password`);
  return { "tls.crt": certificate, "tls.key": key };
}
