import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "#shared/fault";
import { createPace } from "#shared/source/pace";
import { errnoOf } from "#shared/source/source-fault";
import { type CheckedOut, checkOut, peel } from "./check-out.ts";
import type { GitHttp } from "./git-http.ts";
import type { Budget } from "./limits.ts";
import { PackFile } from "./pack-file.ts";
import { type PackWish, Refusal, Remote } from "./remote.ts";
import { findRevision } from "./revision.ts";
import { submodulesOf } from "./submodules.ts";

/** What one fetch works with, its submodules included. */
export interface CloneWork {
  http: GitHttp;
  budget: Budget;
  signal: AbortSignal;
  /** A folder for packs, on which the files have room too. */
  scratch: string;
  notice: (message: string) => void;
}

export interface Cloned {
  commit: string;
  /** What was asked for, in words: `branch main`. */
  as: string;
  /** Paths of files that only stand for others. */
  lfsPointers: string[];
}

/**
 * Brings the files of one commit, with its submodules, into `folder`, which is not there yet. History stays where it is,
 * unless the commit can be found by it only.
 * @throws Fault git_*; tree_invalid, source_name for what the repository holds
 */
export async function clone(work: CloneWork, url: string, revision: string | undefined, folder: string): Promise<Cloned> {
  mkdirSync(folder);
  const remote = await Remote.open(work.http, url);
  const found = await findRevision(remote, revision);
  if ("notice" in found && found.notice) work.notice(found.notice);
  const { commit, tree } = "oid" in found ? await fetchObject(work, remote, found, folder) : await fetchByPrefix(work, remote, found.prefix, folder);
  const lfsPointers = [...tree.lfsPointers];
  for (const module of submodulesOf(tree.gitlinks, tree.gitmodules, url)) {
    work.budget.spend("repositories", 1);
    const inner = join(folder, module.path);
    rmSync(inner, { recursive: true });
    const cloned = await clone(work, module.url, module.commit, inner).catch((error) => {
      throw ofSubmodule(error, module.path);
    });
    lfsPointers.push(...cloned.lfsPointers.map((path) => `${module.path}/${path}`));
  }
  return { commit, as: "as" in found ? found.as : "commit", lfsPointers };
}

interface Fetched {
  commit: string;
  tree: CheckedOut;
}

/* Servers of protocol version 0 give the tips of branches and tags only; other commits are looked for below those. */
async function fetchObject(work: CloneWork, remote: Remote, { oid, named }: { oid: string; named: boolean }, folder: string): Promise<Fetched> {
  try {
    using pack = await download(work, remote, { wants: [oid], shallow: true, commitsOnly: false });
    return await checkOutFrom(work, pack, oid, folder);
  } catch (error) {
    if (!(error instanceof Refusal) || named) throw error;
    const unknown = new Fault("git_revision_not_found", `the repository has no commit '${oid}'`, { cause: error });
    if (remote.findsCommits) throw unknown;
    using pack = await history(work, remote, false);
    if (!pack.has(oid)) throw unknown;
    return await checkOutFrom(work, pack, oid, folder);
  }
}

async function fetchByPrefix(work: CloneWork, remote: Remote, prefix: string, folder: string): Promise<Fetched> {
  using pack = await history(work, remote, true);
  const commits = pack.commits.filter((oid) => oid.startsWith(prefix));
  const [commit] = commits;
  if (commit === undefined) throw new Fault("git_revision_not_found", `the repository has no branch, tag or commit '${prefix}'`);
  if (commits.length > 1)
    throw new Fault("git_revision_not_found", `'${prefix}' is the beginning of ${commits.length} commits: ${commits.join(", ")}`);
  return remote.filters ? await fetchObject(work, remote, { oid: commit, named: false }, folder) : await checkOutFrom(work, pack, commit, folder);
}

/* All that branches and tags lead to: of the commits alone, where the server can leave out the rest. */
async function history(work: CloneWork, remote: Remote, commitsOnly: boolean): Promise<PackFile> {
  const tips = await remote.refs(["refs/heads/", "refs/tags/"]);
  if (tips.length === 0) throw new Fault("git_revision_not_found", "the repository is empty");
  return await download(work, remote, { wants: [...new Set(tips.map(({ oid }) => oid))], shallow: false, commitsOnly });
}

async function checkOutFrom(work: CloneWork, pack: PackFile, oid: string, folder: string): Promise<Fetched> {
  const commit = peel(pack, oid);
  return { commit, tree: await checkOut(pack, commit, folder, work.budget, createPace(work.signal)) };
}

/* The pack's file has no name any more once it is open: closing it frees its room. */
async function download({ budget, signal, scratch }: CloneWork, remote: Remote, wish: PackWish): Promise<PackFile> {
  const path = join(scratch, `${crypto.randomUUID()}.pack`);
  const file = openSync(path, "wx");
  try {
    for await (const part of remote.pack(wish)) writeFully(file, part);
    return await PackFile.open(path, { largest: budget.limits.object, signal });
  } finally {
    closeSync(file);
    rmSync(path);
  }
}

function writeFully(file: number, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  } catch (error) {
    if (errnoOf(error) === "ENOSPC") throw new Fault("git_too_large", "it does not fit on the disk of the fetch", { cause: error });
    throw error;
  }
}

function ofSubmodule(error: unknown, path: string): unknown {
  if (!(error instanceof Fault)) return error;
  return new Fault(error.code, `submodule ${path}: ${error.message}`, { cause: error, details: error.details });
}
