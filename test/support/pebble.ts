import type { V1ConfigMap, V1Service } from "#shared/kube/objects";
import { kube } from "#test/lab";

const NAME = "pebble.pebble.svc";
export const ACME_DIRECTORY = `https://${NAME}:14000/dir`;

/** PEM: the CA of the lab's ACME server itself, and the root of what it issues, which is new at each of its starts. */
export async function pebble(): Promise<{ ca: string; root: string }> {
  const api = await kube();
  const [trust, service] = await Promise.all([
    api.get<V1ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", namespace: "pebble", name: "pebble-ca" }),
    api.get<V1Service>({ apiVersion: "v1", kind: "Service", namespace: "pebble", name: "pebble" }),
  ]);
  const ca = trust?.data?.["ca.crt"] ?? "";
  const answer = await fetch(`https://${service?.spec?.clusterIP}:15000/roots/0`, { headers: { host: NAME }, tls: { ca, serverName: NAME } });
  if (!answer.ok) throw new Error(`Pebble does not tell its root: ${answer.status}`);
  return { ca, root: await answer.text() };
}
