import { CA_ISSUER, type CertificatePlan, hasWildcard, type IssuerRef, isSelfSigned, ownNames, TLS_SECRET } from "#shared/certificates";

/** What certificates are made for. */
export interface Installation {
  plan: CertificatePlan;
  /** Without a port. */
  domain: string;
  /** Of the built-in one; nodes know it by that. */
  registryAddress: string;
  builtIn: { s3: boolean; registry: boolean };
  /** Nodes pull from the built-in registry by an ingress. */
  publicRegistry: boolean;
}

/** Who makes a certificate: the agent, with the CA's key or so that it vouches for itself, cert-manager for an issuer, or the admin, who gave one. */
export type Maker = { by: "agent" } | { by: "self" } | { by: "cert-manager"; issuer: IssuerRef } | { by: "given" };

/** A certificate that there is to be. */
export interface Wanted {
  secret: string;
  names: string[];
  maker: Maker;
}

/** davit's own, all of them in its namespace. */
export function wantedOwn({ plan, domain, registryAddress, builtIn, publicRegistry }: Installation): Wanted[] {
  const names = ownNames(domain, registryAddress);
  const { inside, outside } = makersOf(plan);
  // Nodes are told once whom to trust, and one that vouches for itself is another at each renewal.
  const forNodes = isSelfSigned(plan) ? inside : outside;
  return [
    { secret: TLS_SECRET.agent, names: names.agent, maker: outside },
    { secret: TLS_SECRET.agentInside, names: names.agentInside, maker: inside },
    ...(builtIn.s3 ? [{ secret: TLS_SECRET.s3, names: names.s3, maker: inside }] : []),
    ...(builtIn.registry ? [{ secret: TLS_SECRET.registry, names: names.registry, maker: inside }] : []),
    ...(publicRegistry ? [{ secret: TLS_SECRET.registryPublic, names: names.registryPublic, maker: forNodes }] : []),
    ...(hasWildcard(plan) ? [{ secret: TLS_SECRET.wildcard, names: names.wildcard, maker: outside }] : []),
  ];
}

/** The one for a host of an app, which may be for others too; undefined when there can be none. `given` are the names of the admin's own certificate. */
export function wantedFor(host: string, { plan, domain }: Installation, given: readonly string[]): Wanted | undefined {
  const maker = makersOf(plan).outside;
  const wildcard = maker.by === "given" ? given : hasWildcard(plan) ? ownNames(domain, "").wildcard : [];
  if (wildcard.some((name) => covers(name, host))) return { secret: TLS_SECRET.wildcard, names: [...wildcard], maker };
  return maker.by === "given" ? undefined : { secret: `tls-${host}`, names: [host], maker };
}

export function usesCertManager(plan: CertificatePlan): boolean {
  return Object.values(makersOf(plan)).some(({ by }) => by === "cert-manager");
}

function makersOf({ inside, outside }: CertificatePlan): { inside: Maker; outside: Maker } {
  const own: Maker = inside === "agent" ? { by: "agent" } : { by: "cert-manager", issuer: { kind: "Issuer", name: CA_ISSUER } };
  switch (outside.by) {
    case "davit-ca":
      return { inside: own, outside: own };
    case "issuer":
      return { inside: own, outside: { by: "cert-manager", issuer: outside.issuer } };
    case "self":
    case "given":
      return { inside: own, outside: { by: outside.by } };
  }
}

/** Whether every tenant has a copy, which agent/sync keeps. */
export function isShared(secret: string): boolean {
  return secret === TLS_SECRET.wildcard;
}

/** Whether a name in a certificate, which may begin with `*.`, is good for a host. */
function covers(name: string, host: string): boolean {
  return name === host || (name.startsWith("*.") && name.slice(1) === host.slice(host.indexOf(".")));
}
