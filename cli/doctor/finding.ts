import type { CertificateFacts } from "#shared/tls/certificate";

export type Severity = "ok" | "warning" | "problem";

/** The ways on which TLS is verified, from who asks to who answers. */
export type Hop = "cli-agent" | "agent-s3" | "build-s3" | "build-registry" | "kubelet-registry";

/** What a look at one thing came to. */
export interface Finding {
  severity: Severity;
  what: string;
  /** What to type or change, exactly; only nothing wrong has none. */
  fix?: string;
  hop?: Hop;
  node?: string;
  /** Name and address of who answered. */
  peer?: string;
  /** Of the certificate that was shown. */
  issuer?: string;
  notAfter?: string;
}

export type Facts = Omit<Finding, "severity" | "what" | "fix">;

export function ok(what: string, facts: Facts = {}): Finding {
  return { severity: "ok", what, ...facts };
}

export function warning(what: string, fix: string, facts: Facts = {}): Finding {
  return { severity: "warning", what, fix, ...facts };
}

export function problem(what: string, fix: string, facts: Facts = {}): Finding {
  return { severity: "problem", what, fix, ...facts };
}

const RANK: Record<Severity, number> = { ok: 0, warning: 1, problem: 2 };

/** The severity that all of them come to. */
export function worst(findings: readonly Finding[]): Severity {
  return findings.reduce<Severity>((found, { severity }) => (RANK[severity] > RANK[found] ? severity : found), "ok");
}

/** Of a certificate, what a finding tells. */
export function certificateFacts(facts: Pick<CertificateFacts, "issuer" | "notAfter"> | undefined): Pick<Finding, "issuer" | "notAfter"> {
  return facts ? { issuer: facts.issuer, notAfter: facts.notAfter } : {};
}
