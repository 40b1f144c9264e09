import type { V1Secret } from "#shared/kube/objects";
import { certificatesIn, factsOf } from "#shared/tls/certificate";
import type { World } from "../check.ts";
import { certificateFacts, type Finding, ok, problem, warning } from "../finding.ts";

const DAY_MS = 86_400_000;
/** A leaf is renewed when a third of its life is left; one with less than this was not. */
const LATE_SHARE = 0.25;
/** A CA is replaced by hand: that takes planning. */
const CA_DAYS = 180;

/** Whether the certificates of the namespace davit last. */
export async function lookAtCertificates({ kube, signal }: World): Promise<Finding[]> {
  const secrets = await kube.list<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit" }, { fields: "type=kubernetes.io/tls", signal });
  const found = secrets.map(({ metadata, data }) =>
    certificateVerdict(metadata?.name ?? "", Buffer.from(data?.["tls.crt"] ?? "", "base64").toString("utf8"), new Date()),
  );
  return found.length > 0 ? found : [problem("there is no certificate in the namespace davit", "`davit install` makes them")];
}

export function certificateVerdict(secret: string, pem: string, now: Date): Finding {
  const [certificate] = certificatesIn(pem);
  if (!certificate)
    return problem(`${secret} holds no certificate`, `kubectl -n davit delete secret ${secret}, then \`davit install\` makes it anew`);
  const facts = certificateFacts(factsOf(certificate));
  const [begin, end] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const left = end - now.getTime();
  const fix = certificate.ca
    ? "`davit rotate ca` makes the next one while everything runs"
    : "`davit install` renews it; with cert-manager, `kubectl -n davit describe certificates` says why it does not";
  if (left <= 0) return problem(`${secret} ended at ${facts.notAfter}`, fix, facts);
  if (begin > now.getTime()) return problem(`${secret} is good only from ${new Date(begin).toISOString()} on`, "set the clocks", facts);
  const late = certificate.ca ? left < CA_DAYS * DAY_MS : left < (end - begin) * LATE_SHARE;
  return late
    ? warning(`${secret} ends at ${facts.notAfter} and was not renewed`, fix, facts)
    : ok(`${secret} is good until ${facts.notAfter}`, facts);
}
