import type { Revision } from "../objects/types.ts";
import type { Run } from "../run.ts";
import { keys } from "../store/keys.ts";

/** Where a staging Pod can read for an hour where the source can be read. */
export async function sourceUrl({
  revision,
  tenant,
  sources,
  store,
  locks,
}: Pick<Run, "revision" | "tenant" | "sources" | "store" | "locks">): Promise<string> {
  const key = keys.order(tenant.uid, revision.spec.app, revision.spec.number);
  // From when it is stored, what it names stays where it is (agent/gc/policy.ts).
  await locks.share(tenant.uid, async () => {
    const source = await sources.order(tenant.uid, treeOf(revision));
    await store.put(key, Buffer.from(JSON.stringify(source)));
  });
  return await store.presign(key);
}

/** The tree that is built: what was pushed, or what was fetched. */
function treeOf({ metadata, spec, status }: Revision): string {
  const tree = spec.source.kind === "tree" ? spec.source.tree : status?.tree;
  if (tree) return tree;
  throw new Error(`the revision ${metadata.name} has no tree to build`);
}
