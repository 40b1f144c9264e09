import { z } from "zod";

/** An Issuer of the namespace davit, or a ClusterIssuer; cert-manager's. */
export const IssuerRef = z.object({ kind: z.enum(["Issuer", "ClusterIssuer"]), name: z.string().min(1) });
export type IssuerRef = z.infer<typeof IssuerRef>;

/**
 * Who issues the certificates of an installation. `davit install` decides, the agent keeps them from then on: it signs or
 * asks for them, renews them, and copies those of routes to the namespaces of apps.
 */
export const CertificatePlan = z.object({
  /**
   * For what only the cluster sees: S3 store, registry and the agent's own port. Its names mean nothing to anybody
   * outside, so it is always the CA in the Secret davit/davit-ca that vouches: `agent` signs with its key, `cert-manager`
   * does by the Issuer davit/davit-ca.
   */
  inside: z.enum(["agent", "cert-manager"]),
  /** For what people and CI see: the agent's Ingress and the routes of apps. */
  outside: z.discriminatedUnion("by", [
    /** The same CA, in the same way. */
    z.object({ by: z.literal("davit-ca") }),
    /** `wildcard`: it can issue for `*.DOMAIN`; without, each host gets a certificate of its own. */
    z.object({ by: z.literal("issuer"), issuer: IssuerRef, wildcard: z.boolean() }),
    /** Nobody: each certificate vouches for itself, and the agent makes it. */
    z.object({ by: z.literal("self") }),
    /** The certificate that the admin gave, in the Secret davit/davit-given-tls; hosts that it does not name have none. */
    z.object({ by: z.literal("given") }),
  ]),
});
export type CertificatePlan = z.infer<typeof CertificatePlan>;

/** Whether there is one certificate for all hosts directly below the domain. */
export function hasWildcard({ outside }: CertificatePlan): boolean {
  return outside.by !== "issuer" || outside.wildcard;
}

/** Whether each of the certificates that people see vouches for itself. */
export function isSelfSigned({ outside }: CertificatePlan): boolean {
  return outside.by === "self" || (outside.by === "issuer" && outside.issuer.kind === "Issuer" && outside.issuer.name === SELF_ISSUER);
}

/** cert-manager's Issuers that davit makes in its own namespace: the one of its own CA, and the one whose certificates vouch for themselves. */
export const CA_ISSUER = "davit-ca";
export const SELF_ISSUER = "davit-selfsigned";

/**
 * On a TLS Secret, who issued what is in it, as cert-manager notes it: one of another issuer than it orders now, it issues
 * anew, and until then that serves on. Without the note it takes any certificate with the right names for its own.
 */
export function issuedBy(issuer: string): Record<string, string> {
  return { "cert-manager.io/issuer-name": issuer, "cert-manager.io/issuer-kind": "Issuer" };
}

/** TLS Secrets in the namespace davit, which the agent keeps and whoever serves mounts. */
export const TLS_SECRET = {
  /** The agent's Ingress. */
  agent: "davit-agent-tls",
  /** The agent's port for fetch Jobs. */
  agentInside: "davit-agent-internal-tls",
  s3: "davit-s3-tls",
  registry: "davit-registry-tls",
  /** The Ingress by which nodes pull, where they do. */
  registryPublic: "davit-registry-public-tls",
  /** `*.DOMAIN`, where the issuer can; copied to every tenant under the same name. */
  wildcard: "davit-wildcard-tls",
  /** What an admin brought. */
  given: "davit-given-tls",
} as const;

/**
 * The names of davit's own certificates. Within the cluster builds and the agent use the names of Services; nodes, which
 * cannot resolve those, use the registry's address.
 */
export function ownNames(domain: string, registryAddress: string) {
  return {
    agent: [`davit.${domain}`],
    agentInside: serviceNames("davit-agent"),
    s3: serviceNames("s3"),
    registry: [...serviceNames("registry"), registryAddress],
    registryPublic: [publicRegistry(domain)],
    wildcard: [`*.${domain}`],
  };
}

/** What nodes call the registry behind an ingress, below a domain that may have a port. */
export function publicRegistry(domain: string): string {
  return `registry.${domain}`;
}

function serviceNames(service: string): string[] {
  return [`${service}.davit.svc.cluster.local`, `${service}.davit.svc`, `${service}.davit`, service];
}
