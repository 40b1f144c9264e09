import { isIP } from "node:net";
import type { KubeObject } from "#shared/kube/objects";
import { OWN_LABELS } from "../objects/meta.ts";
import type { Maker, Wanted } from "./wanted.ts";

export const CERTIFICATE = { apiVersion: "cert-manager.io/v1", kind: "Certificate" };
/** Longer than that nobody waits for the first issue; it goes on. */
const PATIENCE_MS = 20_000;

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

/** cert-manager's, as far as it matters here. */
export interface Certificate extends KubeObject {
  metadata?: KubeObject["metadata"] & { creationTimestamp?: string };
  spec?: { secretName?: string; [key: string]: unknown };
  status?: { revision?: number; notAfter?: string; conditions?: Condition[] };
}

/** The order for a certificate: what cert-manager makes of it is the Secret of that name beside it. */
export function certificateOf(namespace: string, { secret, names }: Wanted, { issuer }: Extract<Maker, { by: "cert-manager" }>): Certificate {
  const addresses = names.filter((name) => isIP(name) !== 0);
  return {
    ...CERTIFICATE,
    metadata: { name: secret, namespace, labels: OWN_LABELS },
    spec: {
      secretName: secret,
      issuerRef: { group: "cert-manager.io", ...issuer },
      dnsNames: names.filter((name) => isIP(name) === 0),
      ...(addresses.length > 0 ? { ipAddresses: addresses } : {}),
      usages: ["digital signature", "server auth"],
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
    },
  };
}

/** Whether it says all that it should; what else stands in it is the API server's. */
export function isOrdered(present: Certificate | undefined, wanted: Certificate): boolean {
  return Object.entries(wanted.spec ?? {}).every(([field, value]) => Bun.deepEquals(present?.spec?.[field], value));
}

export function isReady(certificate: Certificate | undefined): boolean {
  return condition(certificate, "Ready")?.status === "True";
}

/** Why there is none, or no new one, in cert-manager's words. */
export function whyNot(certificate: Certificate | undefined): string | undefined {
  return (failure(certificate) ?? condition(certificate, "Ready"))?.message;
}

/** Whether somebody who waits for the first issue may still have it soon. */
export function isComing(certificate: Certificate | undefined, now = Date.now()): boolean {
  if (!certificate) return true;
  const age = now - Date.parse(certificate.metadata?.creationTimestamp ?? "");
  return failure(certificate) === undefined && age < PATIENCE_MS;
}

/** The last try ended without a certificate. */
function failure(certificate: Certificate | undefined): Condition | undefined {
  const issuing = condition(certificate, "Issuing");
  return issuing?.status === "False" && issuing.reason === "Failed" ? issuing : undefined;
}

function condition(certificate: Certificate | undefined, type: string): Condition | undefined {
  return certificate?.status?.conditions?.find((one) => one.type === type);
}
