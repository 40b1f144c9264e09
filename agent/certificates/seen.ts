import type { Kube } from "#shared/kube/client";
import type { KubeObject, V1Ingress, V1Secret } from "#shared/kube/objects";
import type { Ref } from "#shared/kube/resource";
import { watch } from "#shared/kube/watch";
import { LABEL } from "../objects/meta.ts";
import { CERTIFICATE, type Certificate } from "./cert-manager.ts";

/** The namespace of davit's own certificates. */
export const HOME = "davit";
const SECRET = { apiVersion: "v1", kind: "Secret" };
const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" };

/** Objects as last seen, by namespace and name. */
class View<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  /** Of each object the newest version that was written, until it is seen. */
  readonly #written = new Map<string, bigint>();

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  all(): T[] {
    return [...this.#objects.values()];
  }

  see(object: T): void {
    this.#objects.set(keyOf(object), object);
    if (versionOf(object) >= (this.#written.get(keyOf(object)) ?? 0n)) this.#written.delete(keyOf(object));
  }

  lose(object: T): void {
    this.#objects.delete(keyOf(object));
    this.#written.delete(keyOf(object));
  }

  /** What was just written will be seen; until then what is here is from before. */
  expect(object: T): void {
    const seen = this.#objects.get(keyOf(object));
    if (!seen || versionOf(seen) < versionOf(object)) this.#written.set(keyOf(object), versionOf(object));
  }

  /** Whether what was written last was seen. */
  isCurrent(namespace: string, name: string): boolean {
    return !this.#written.has(`${namespace}/${name}`);
  }
}

/** What certificates depend on, as last seen. */
export class Seen {
  /** davit's own TLS Secrets, and the copies of the wildcard's. */
  readonly secrets = new View<V1Secret>();
  /** Of apps, unless a Gateway serves them: its own listeners name the Secret. */
  readonly ingresses = new View<V1Ingress>();
  /** Of davit, where cert-manager makes them. */
  readonly certificates = new View<Certificate>();

  /**
   * Follows it until `signal` aborts; `onChange` is first called when all is known. `everywhere` names the Secret of which
   * tenants have copies. @throws Fault forbidden
   */
  async follow(
    kube: Kube,
    what: { secrets: string[]; everywhere: string; ingresses: boolean; certManager: boolean },
    onChange: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const stop = new AbortController();
    const ending = AbortSignal.any([signal, stop.signal]);
    const watches: ((onSynced: () => void) => Promise<void>)[] = [];
    const add = <T extends KubeObject>(ref: Ref, view: View<T>, labels?: string) =>
      watches.push((onSynced) => track(kube, ref, view, { labels, signal: ending }, onSynced, () => unknown === 0 && onChange()));
    for (const name of what.secrets) add({ ...SECRET, namespace: HOME, name }, this.secrets);
    add({ ...SECRET, name: what.everywhere }, this.secrets);
    if (what.ingresses) add(INGRESS, this.ingresses, LABEL.app);
    if (what.certManager) add({ ...CERTIFICATE, namespace: HOME }, this.certificates);
    let unknown = watches.length;
    try {
      await Promise.all(watches.map((follow) => follow(() => unknown--)));
    } finally {
      // One watch that is refused ends the others too.
      stop.abort();
    }
  }
}

async function track<T extends KubeObject>(
  kube: Kube,
  ref: Ref,
  view: View<T>,
  options: { labels?: string | undefined; signal: AbortSignal },
  onSynced: () => void,
  onEvent: () => void,
): Promise<void> {
  let synced = false;
  for await (const event of watch<T>(kube, ref, options)) {
    if (event.type === "set") view.see(event.object);
    if (event.type === "gone") view.lose(event.object);
    if (event.type === "synced" && !synced) onSynced();
    synced ||= event.type === "synced";
    onEvent();
  }
}

export function keyOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

function versionOf({ metadata }: KubeObject): bigint {
  return BigInt(metadata?.resourceVersion ?? 0);
}
