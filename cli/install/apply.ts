import type { Kube } from "#shared/kube/client";
import { refOf } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";

export type Change = "created" | "changed" | "unchanged";

export interface Applied {
  object: KubeObject;
  change: Change;
  /** 1 is the first. */
  index: number;
  total: number;
}

/** Applies the objects in order and tells of each what it came to. An object that is as it should be keeps its resourceVersion. */
export async function* applyAll(kube: Kube, objects: KubeObject[], signal?: AbortSignal): AsyncGenerator<Applied> {
  for (const [index, object] of objects.entries()) {
    const before = await kube.get(refOf(object), signal);
    const after = await kube.apply(object, { ...(signal ? { signal } : {}) });
    yield { object: after, change: changeOf(before, after), index: index + 1, total: objects.length };
  }
}

function changeOf(before: KubeObject | undefined, after: KubeObject): Change {
  if (!before) return "created";
  return before.metadata?.resourceVersion === after.metadata?.resourceVersion ? "unchanged" : "changed";
}

/** `Deployment davit/s3`, as people write it. */
export function nameOf(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return `${object.kind} ${namespace ? `${namespace}/` : ""}${name}`;
}
