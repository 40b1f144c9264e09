import type { Run } from "../run.ts";

/** How long a push waits for a certificate that is being made. */
const CERTIFICATE_MS = 20_000;

/** Waits for the certificates of the app's hosts. A host that has none answers over http, and whoever follows the push is told why. */
export async function secure(run: Run): Promise<void> {
  const { name, namespace } = run.app.metadata;
  const limit = AbortSignal.any([run.signal, AbortSignal.timeout(CERTIFICATE_MS)]);
  const certificates = await run.certificates.await(namespace, name, run.revision.spec.settings.routes, limit);
  run.signal.throwIfAborted();
  for (const { host, reason } of certificates) {
    if (reason !== null) run.events.append({ type: "notice", message: `${host} answers over http and not yet over https: ${reason}` });
  }
}
