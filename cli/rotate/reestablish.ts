import type { Kube } from "#shared/kube/client";
import type { KubeObject } from "#shared/kube/objects";
import { applyAll } from "../install/apply.ts";
import type { Authorities } from "../install/authority.ts";
import { establish, type Prepared } from "../install/install.ts";

export interface Rotating {
  signal: AbortSignal;
  tell: (line: string) => void;
}

/** Has everything run with what there is now: Pods that read it at their start are started anew. */
export async function reestablish(kube: Kube, prepared: Prepared, { signal, tell }: Rotating, mayFollow?: () => void): Promise<Authorities> {
  const apply = async (objects: KubeObject[]) => {
    for await (const _ of applyAll(kube, objects, signal));
  };
  return await establish(kube, prepared, { apply, signal, tell: (event) => event.type === "note" && tell(event.line) }, mayFollow);
}
