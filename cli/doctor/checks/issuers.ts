import type { IssuerRef } from "#shared/certificates";
import { type Issuer, unready } from "../../install/certificates.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem } from "../finding.ts";

/** Whether cert-manager's issuers that davit uses are ready. */
export async function lookAtIssuers({ kube, plan, signal }: World): Promise<Finding[]> {
  const used: IssuerRef[] = [
    ...(plan.inside === "cert-manager" ? [{ kind: "Issuer" as const, name: "davit-ca" }] : []),
    ...(plan.outside.by === "issuer" ? [plan.outside.issuer] : []),
  ];
  if (used.length === 0) return [ok("no issuer of cert-manager is used")];
  return await Promise.all(
    used.map(async (ref) => issuerVerdict(ref, await kube.get<Issuer>({ apiVersion: "cert-manager.io/v1", ...ref, namespace: "davit" }, signal))),
  );
}

export function issuerVerdict({ kind, name }: IssuerRef, issuer: Issuer | undefined): Finding {
  const why = unready(issuer);
  if (why === undefined) return ok(`${kind} ${name} is ready`);
  const where = kind === "Issuer" ? "-n davit " : "";
  const fix = issuer
    ? `see \`kubectl ${where}describe ${kind.toLowerCase()} ${name}\`, and whether cert-manager runs`
    : "`davit install` makes davit's own; another one has to be made again, or choose one with `davit install --issuer`";
  return problem(`${kind} ${name} is not ready: ${why}`, fix);
}
