import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { KEY_FILE } from "#shared/registry/signing-key";
import { Secret } from "#shared/secret";

const REF = { apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-registry-key" };
/** On the Secret while an old key is still accepted: since when the new one signs. */
const SIGNS_SINCE = "davit.dev/signs-since";

/** How far a rotation has come; it is all in the Secret, so that whoever begins anew goes on. */
export interface KeyState {
  version: string;
  signs: Secret;
  accepted?: Secret;
  /** There once the new key signs. */
  signsSince?: string;
}

/** @throws Fault not_installed */
export async function readKeyState(kube: Kube): Promise<KeyState> {
  const found = await kube.get<V1Secret>(REF);
  const [signs, accepted] = [KEY_FILE.signs, KEY_FILE.accepted].map((name) => found?.data?.[name]);
  if (!found || !signs) throw new Fault("not_installed", "davit is not installed in this cluster; `davit install` does it");
  const signsSince = found.metadata?.annotations?.[SIGNS_SINCE];
  return {
    version: found.metadata?.resourceVersion ?? "",
    signs: new Secret(atob(signs)),
    ...(accepted ? { accepted: new Secret(atob(accepted)) } : {}),
    ...(signsSince ? { signsSince } : {}),
  };
}

/** Writes what comes next, if nobody else has meanwhile. @throws Fault kube_refused when somebody has */
export async function writeKeyState(kube: Kube, next: KeyState): Promise<void> {
  const data = { [KEY_FILE.signs]: btoa(next.signs.reveal()), [KEY_FILE.accepted]: next.accepted ? btoa(next.accepted.reveal()) : null };
  const metadata = { resourceVersion: next.version, annotations: { [SIGNS_SINCE]: next.signsSince ?? null } };
  await kube.json(pathOf(REF), { method: "PATCH", contentType: "application/merge-patch+json", body: { metadata, data } });
}
