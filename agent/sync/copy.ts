import { isOwn } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { sha256 } from "#shared/pack";
import { OWN_LABELS } from "../objects/meta.ts";

/** On a copy: the Secret that it is a copy of, by its name. */
const SHARED = "davit.dev/shared";
/** On a copy: which version of its source it holds. */
const VERSION = "davit.dev/shared-version";
/** On a copy: the hash of what was written, to see what somebody else wrote since. */
const CONTENT = "davit.dev/content-hash";

type Data = Record<string, string>;

/** What every tenant's copy is to say. */
export interface Source {
  type: string;
  /** Another version means another content. */
  version: string;
  keys: readonly string[];
  /** In base64, as Secrets have it. */
  data(): Promise<Data>;
}

/** What has to be known of a copy; its content is not kept. */
export interface Copy {
  uid: string;
  /** Somebody else's objects are left alone. */
  own: boolean;
  type: string;
  immutable: boolean;
  version: string;
  keys: readonly string[];
  /** Nobody changed it since it was written. */
  intact: boolean;
}

export type Verdict = "keep" | "create" | "update" | "recreate" | "foreign";

/** What is to be done about a copy. Without a source nothing is: to take a pull secret away would stop every restart of an app. */
export function decide(source: Source | undefined, copy: Copy | undefined): Verdict {
  if (!source) return "keep";
  if (!copy) return "create";
  if (!copy.own) return "foreign";
  // Kubernetes changes neither a type nor what is immutable, and an apply does not take away what others added.
  if (copy.type !== source.type || copy.immutable || copy.keys.some((key) => !source.keys.includes(key))) return "recreate";
  return copy.intact && copy.version === source.version ? "keep" : "update";
}

export function readCopy(secret: V1Secret): Copy {
  const { metadata, type, immutable, data = {} } = secret;
  const { labels = {}, annotations = {} } = metadata ?? {};
  const labelled = labels[SHARED] === metadata?.name && Object.entries(OWN_LABELS).every(([key, value]) => labels[key] === value);
  return {
    uid: metadata?.uid ?? "",
    own: isOwn(secret),
    type: type ?? "",
    immutable: immutable ?? false,
    version: annotations[VERSION] ?? "",
    keys: Object.keys(data),
    intact: labelled && annotations[CONTENT] === hashOf(data),
  };
}

/** The object as it is written; with a `uid`, over that one only. */
export async function copyOf(source: Source, place: { namespace: string; name: string }, uid?: string): Promise<V1Secret> {
  const data = await source.data();
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      ...place,
      ...(uid === undefined ? {} : { uid }),
      labels: { ...OWN_LABELS, [SHARED]: place.name },
      annotations: { [VERSION]: source.version, [CONTENT]: hashOf(data) },
    },
    type: source.type,
    data,
  };
}

/** A source whose content is at hand. */
export function sourceOf(type: string, data: Data): Source {
  return { type, version: `${type} ${hashOf(data)}`, keys: Object.keys(data), data: async () => data };
}

function hashOf(data: Data): string {
  return sha256(JSON.stringify(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)))).slice(0, 32);
}
