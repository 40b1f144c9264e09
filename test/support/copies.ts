import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";

/** What a Secret holds, in clear. */
export function contentOf(secret: V1Secret | undefined): string {
  return Object.values(secret?.data ?? {})
    .map(atob)
    .join();
}

/** How many ms after `change` began each namespace's copy was so, the fastest first. @throws TimeoutError when not all came to be */
export async function spread(
  kube: Kube,
  wanted: { name: string; namespaces: readonly string[]; is: (content: string) => boolean; signal: AbortSignal },
  change: () => Promise<unknown>,
): Promise<number[]> {
  const { name, namespaces, is, signal } = wanted;
  const done = new AbortController();
  const times = new Map<string, number>();
  let from = Number.NaN;
  for await (const event of watch<V1Secret>(kube, { apiVersion: "v1", kind: "Secret", name }, { signal: AbortSignal.any([done.signal, signal]) })) {
    if (event.type === "synced") {
      from = performance.now();
      await change();
    } else if (event.type === "set" && is(contentOf(event.object))) {
      times.set(event.object.metadata?.namespace ?? "", performance.now() - from);
      if (namespaces.every((namespace) => times.has(namespace))) done.abort();
    }
  }
  signal.throwIfAborted();
  return namespaces.map((namespace) => times.get(namespace) ?? Number.NaN).sort((a, b) => a - b);
}

/** The value that 99 of 100 do not exceed. */
export function p99(sorted: readonly number[]): number {
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}
