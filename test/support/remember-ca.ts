import type { V1Secret } from "#shared/kube/objects";
import { kube } from "#test/lab";

const SECRET = { apiVersion: "v1", kind: "Secret" };

/** Of davit's CA as it is now: what has the next rotation, or installation, bring it back. This process, and the tests after this one, trust no other. */
export async function rememberCa(): Promise<() => Promise<void>> {
  const api = await kube();
  const ca = await api.get<V1Secret>({ ...SECRET, namespace: "davit", name: "davit-ca" });
  // A rotation that was begun with a CA goes on with that.
  const next = { ...SECRET, metadata: { name: "davit-ca-next", namespace: "davit" }, type: ca?.type, data: ca?.data } as V1Secret;
  return async () => void (await api.create(next));
}
