import type { V1ConfigMap } from "#shared/kube/objects";
import { pathOf } from "#shared/kube/resource";
import { p99, spread } from "#test/copies";
import { kube } from "#test/lab";
import type { Bench } from "./bench.ts";
import type { Figure } from "./figures.ts";

const NAMESPACES = 200;
const WAIT_MS = 300_000;
const BUNDLE = { apiVersion: "v1", kind: "ConfigMap", namespace: "davit", name: "davit-trust" };

/** How soon a change of the CA bundle is in every tenant. */
export async function sync(bench: Bench): Promise<Figure[]> {
  const api = await kube();
  const namespaces = Array.from({ length: NAMESPACES }, (_, index) => `bench-sync-${index}`);
  const bundle = (await api.get<V1ConfigMap>(BUNDLE))?.data?.["ca.crt"] ?? "";
  const write = (text: string) =>
    api.json(pathOf(BUNDLE), { method: "PATCH", contentType: "application/merge-patch+json", body: { data: { "ca.crt": text } } });
  const copied = (text: string) => {
    const signal = AbortSignal.timeout(WAIT_MS);
    return spread(api, { name: "davit-trust", namespaces, is: (content) => content === text, signal }, () => write(text));
  };
  bench.say(`sync: making ${NAMESPACES} namespaces`);
  try {
    const labels = { "davit.dev/managed": "true" };
    await Promise.all(namespaces.map((name) => api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } })));
    await copied(`${bundle}# the first\n`);
    const values = await bench.repeat(
      "sync",
      async (run) => p99(await copied(`${bundle}# change ${run}\n`)),
      (ms) => `${ms.toFixed(0)} ms`,
    );
    const note = "from the change of the ConfigMap davit/davit-trust until 99 of 100 Secrets davit-trust have it";
    return [{ name: `a changed CA bundle in ${NAMESPACES} namespaces, p99`, unit: "ms", values, target: 2000, judge: "worst", note }];
  } finally {
    await write(bundle);
    await Promise.all(namespaces.map((name) => api.remove({ apiVersion: "v1", kind: "Namespace", name })));
  }
}
