import type { V1Ingress, V1OwnerReference } from "#shared/kube/objects";
import { isShared, type Wanted } from "./wanted.ts";

/** A Secret in a tenant's namespace, which Ingresses there name. */
export interface Copy {
  namespace: string;
  wanted: Wanted;
  /** Apps that it goes with, when the last of them goes. */
  owners: V1OwnerReference[];
}

export function nameOfCopy({ namespace, wanted }: Pick<Copy, "namespace" | "wanted">): string {
  return `${namespace}/${wanted.secret}`;
}

type Choose = (host: string) => Wanted | undefined;

/** The hosts of an Ingress, in the order of its routes. */
function hostsOf(ingress: V1Ingress): string[] {
  return [...new Set((ingress.spec?.rules ?? []).flatMap((rule) => rule.host ?? []))];
}

/** The Secrets of single hosts that the apps need, each once in a namespace. */
export function copiesOf(ingresses: Iterable<V1Ingress>, choose: Choose): Copy[] {
  const copies = new Map<string, Copy>();
  for (const ingress of ingresses) {
    const namespace = ingress.metadata?.namespace ?? "";
    for (const host of hostsOf(ingress)) {
      const wanted = choose(host);
      if (!wanted || isShared(wanted.secret)) continue;
      const key = nameOfCopy({ namespace, wanted });
      const copy = copies.get(key) ?? { namespace, wanted, owners: [] };
      copies.set(key, { ...copy, owners: [...copy.owners, ...ownersOf(ingress)] });
    }
  }
  return [...copies.values()];
}

/** Its app. Of several owners none is the controller. */
function ownersOf({ metadata }: V1Ingress): V1OwnerReference[] {
  return (metadata?.ownerReferences ?? []).map(({ controller: _, ...owner }) => owner);
}

/** The `tls` of an Ingress: never a Secret that is not there, which an ingress controller would answer with a certificate of its own. */
export function tlsOf(ingress: V1Ingress, secretOf: (host: string) => string | undefined): { hosts: string[]; secretName: string }[] {
  const bySecret = Map.groupBy(hostsOf(ingress), secretOf);
  return [...bySecret].flatMap(([secretName, hosts]) => (secretName === undefined ? [] : [{ hosts, secretName }]));
}

/** The Secret with which an Ingress serves a host over TLS. */
export function servedWith(ingress: V1Ingress | undefined, host: string): string | undefined {
  return ingress?.spec?.tls?.find((entry) => entry.hosts?.includes(host))?.secretName;
}
