import { Fault } from "#shared/fault";
import { OID, type Ref, type Remote } from "./remote.ts";

/** What a revision means: a commit to ask for, or the beginning of its id. `named` by a ref, it is surely there. */
export type Found = { oid: string; named: boolean; as: string; notice?: string } | { prefix: string };

const SHORTEST_COMMIT = 7;
/** Names that a fault offers instead. */
const OFFERED = 5;

/**
 * Finds what the revision of a git source means, in git's own order: a full commit, a tag, a branch, the beginning of a
 * commit's id. Without one it is the repository's default branch.
 * @throws Fault git_revision_not_found
 */
export async function findRevision(remote: Remote, revision: string | undefined): Promise<Found> {
  if (revision === undefined || revision === "HEAD") return await defaultBranch(remote);
  const id = revision.toLowerCase();
  if (OID.test(id)) return { oid: id, named: false, as: "commit" };
  const named = byName(revision, await remote.refs([revision, `refs/${revision}`, `refs/tags/${revision}`, `refs/heads/${revision}`]));
  if (named) return named;
  const isCommit = id.length >= SHORTEST_COMMIT && /^[0-9a-f]+$/.test(id);
  const refs = await remote.refs(["refs/heads/", "refs/tags/"]);
  if (!isCommit) throw notFound(revision, refs);
  const tips = [...new Set(refs.map(({ oid }) => oid))].filter((oid) => oid.startsWith(id));
  return tips.length === 1 && tips[0] ? { oid: tips[0], named: true, as: "commit" } : { prefix: id };
}

async function defaultBranch(remote: Remote): Promise<Found> {
  const head = (await remote.refs(["HEAD"])).find(({ name }) => name === "HEAD");
  if (head) return { oid: head.oid, named: true, as: head.target ? `branch ${shortName(head.target)}` : "HEAD" };
  const branches = await remote.refs(["refs/heads/"]);
  if (branches.length === 0) throw new Fault("git_revision_not_found", "the repository is empty");
  throw new Fault("git_revision_not_found", `the repository has no default branch; it has ${offer(branches)}`);
}

function byName(revision: string, refs: readonly Ref[]): Found | undefined {
  const at = (name: string) => refs.find((ref) => ref.name === name);
  const tag = at(`refs/tags/${revision}`);
  const branch = at(`refs/heads/${revision}`);
  const ref = (revision.startsWith("refs/") ? at(revision) : undefined) ?? at(`refs/${revision}`) ?? tag ?? branch;
  if (!ref) return undefined;
  const notice = `'${revision}' is a tag and a branch: the tag is taken, as git does; heads/${revision} means the branch`;
  return { oid: ref.oid, named: true, as: describe(ref.name), ...(ref === tag && branch ? { notice } : {}) };
}

function describe(name: string): string {
  if (name.startsWith("refs/tags/")) return `tag ${shortName(name)}`;
  return name.startsWith("refs/heads/") ? `branch ${shortName(name)}` : name;
}

function shortName(ref: string): string {
  return ref.replace(/^refs\/(heads|tags)\//, "");
}

function notFound(revision: string, refs: readonly Ref[]): Fault {
  return new Fault("git_revision_not_found", `the repository has no branch, tag or commit '${revision}'; it has ${offer(refs)}`);
}

function offer(refs: readonly Ref[]): string {
  const names = refs.map(({ name }) => shortName(name)).sort();
  if (names.length === 0) return "none at all";
  const more = names.length - OFFERED;
  return `${names.slice(0, OFFERED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
