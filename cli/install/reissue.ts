import { CA_ISSUER } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { certificatesIn } from "#shared/tls/certificate";
import { readSecret } from "./made.ts";

const CERTIFICATES = { apiVersion: "cert-manager.io/v1", kind: "Certificate", namespace: "davit" };

interface Certificate extends KubeObject {
  metadata?: KubeObject["metadata"] & { generation?: number };
  spec?: { secretName: string; issuerRef: { name: string } };
  status?: { conditions?: { type: string; [field: string]: unknown }[] };
}

/** Has cert-manager issue anew what is still signed by a CA that was replaced: it does not look at that by itself. */
export async function reissue(kube: Kube, ca: string): Promise<void> {
  const [authority] = certificatesIn(ca);
  for (const certificate of await kube.list<Certificate>(CERTIFICATES)) {
    const { secretName = "", issuerRef } = certificate.spec ?? {};
    const [leaf] = certificatesIn((await readSecret(kube, secretName))?.["tls.crt"] ?? "");
    if (issuerRef?.name !== CA_ISSUER || !leaf || !authority || leaf.verify(authority.publicKey)) continue;
    await trigger(kube, certificate);
  }
}

/** As `cmctl renew` does it. */
async function trigger(kube: Kube, { metadata, status }: Certificate): Promise<void> {
  const issuing = {
    type: "Issuing",
    status: "True",
    reason: "AuthorityReplaced",
    message: "the CA was replaced",
    lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ""),
    observedGeneration: metadata?.generation,
  };
  const conditions = [...(status?.conditions ?? []).filter(({ type }) => type !== "Issuing"), issuing];
  const body = { metadata: { resourceVersion: metadata?.resourceVersion }, status: { conditions } };
  const path = pathOf({ ...CERTIFICATES, name: metadata?.name }, "status");
  await kube.json(path, { method: "PATCH", contentType: "application/merge-patch+json", body });
}
