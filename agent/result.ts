import type { PushResult } from "#shared/push-event";
import type { Revision } from "./objects/types.ts";

/** What a push came to, from what its revision's status says. */
export function resultOf(revision: Revision): PushResult {
  const { metadata, spec, status } = revision;
  return {
    outcome: status?.outcome ?? "failed",
    app: spec.app,
    namespace: metadata.namespace,
    revision: spec.number,
    url: status?.url ?? null,
    image: status?.image ?? null,
    source: describeSource(revision),
    reused: { chunks: 0, bytes: 0, build: status?.reusedBuild ?? false },
    sent: { chunks: 0, bytes: 0 },
    phases: status?.phases ?? {},
    ...(status?.fault ? { fault: status.fault } : {}),
  };
}

/** A source in one word: `tree:ID`, `git:URL@COMMIT`, `image:REF`. */
export function describeSource({ spec, status }: Pick<Revision, "spec" | "status">): string {
  const { source } = spec;
  switch (source.kind) {
    case "tree":
      return `tree:${source.tree}`;
    case "git":
      return `git:${source.url}@${status?.commit ?? source.revision ?? "HEAD"}`;
    case "image":
      return `image:${source.image}`;
  }
}
