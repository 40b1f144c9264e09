import type { PushResult } from "#shared/push-event";
import type { Revision } from "./objects/types.ts";

/** What a push came to, from what its revision's status says. */
export function resultOf({ metadata, spec, status }: Revision): PushResult {
  return {
    outcome: status?.outcome ?? "failed",
    app: spec.app,
    namespace: metadata.namespace,
    revision: spec.number,
    url: status?.url ?? null,
    image: status?.image ?? null,
    source: `tree:${spec.source.tree}`,
    reused: { chunks: 0, bytes: 0, build: status?.reusedBuild ?? false },
    sent: { chunks: 0, bytes: 0 },
    phases: status?.phases ?? {},
    ...(status?.fault ? { fault: status.fault } : {}),
  };
}
