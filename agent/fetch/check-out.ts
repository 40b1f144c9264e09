import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { Fault } from "#shared/fault";
import type { Pace } from "#shared/source/pace";
import { errnoOf, quote } from "#shared/source/source-fault";
import type { Budget } from "./limits.ts";
import type { PackFile } from "./pack-file.ts";

/** A commit of another repository that belongs at a path of this one. */
export interface Gitlink {
  path: string;
  commit: string;
}

export interface CheckedOut {
  gitlinks: Gitlink[];
  /** The text of `.gitmodules` at the top, when there is one. */
  gitmodules: string | undefined;
  /** Files that only stand for others, which git-lfs keeps elsewhere. */
  lfsPointers: string[];
}

interface Entry {
  mode: string;
  name: string;
  oid: string;
}

const DIRECTORY = "40000";
const LINK = "120000";
const GITLINK = "160000";
/** 100644, 100755, and the 100664 of long ago. */
const FILE = /^100\d{3}$/;
const LFS_POINTER = "version https://git-lfs.github.com/spec/v1";
const LONGEST_POINTER = 1024;

/**
 * Writes a commit's files into a folder that is empty. Whatever the repository holds, nothing is written outside of it:
 * every folder, file and link is made anew, so none can be reached through a link that the repository brought.
 * @throws Fault git_too_large, tree_invalid, source_name; git_unreachable when the pack is damaged
 */
export async function checkOut(pack: PackFile, commit: string, folder: string, budget: Budget, pace: Pace): Promise<CheckedOut> {
  const result: CheckedOut = { gitlinks: [], gitmodules: undefined, lfsPointers: [] };
  const ahead = [{ path: "", oid: treeOf(pack, commit) }];
  for (let at = ahead.pop(); at; at = ahead.pop()) {
    for (const { mode, name, oid } of entriesOf(pack, at.oid)) {
      const path = at.path === "" ? name : `${at.path}/${name}`;
      budget.spend("entries", 1);
      if (mode === DIRECTORY) {
        make(path, () => mkdirSync(`${folder}/${path}`));
        ahead.push({ path, oid });
      } else if (mode === GITLINK) {
        make(path, () => mkdirSync(`${folder}/${path}`));
        result.gitlinks.push({ path, commit: oid });
      } else {
        writeBlob(pack, { mode, name: path, oid }, folder, budget, result);
      }
      const rest = pace();
      if (rest) await rest;
    }
  }
  return result;
}

/** The commit that an object is or, when it is a tag, points to. @throws Fault git_revision_not_found when that is no commit */
export function peel(pack: PackFile, oid: string): string {
  const seen = new Set<string>();
  for (let at = oid; !seen.has(at); ) {
    seen.add(at);
    const { type, data } = pack.read(at);
    if (type === "commit") return at;
    if (type !== "tag") throw new Fault("git_revision_not_found", `'${oid}' is a ${type} and no commit`);
    at = headerOf(data, "object");
  }
  throw new Fault("git_revision_not_found", `the tag '${oid}' leads to itself`);
}

function treeOf(pack: PackFile, commit: string): string {
  return headerOf(pack.read(commit).data, "tree");
}

/* Commits and tags begin with lines of a word and a value. */
function headerOf(data: Uint8Array, word: string): string {
  const [, oid] = new RegExp(`^${word} ([0-9a-f]{40})$`, "m").exec(Buffer.from(data).toString("latin1").split("\n\n")[0] ?? "") ?? [];
  if (!oid) throw new Fault("git_unreachable", `the git server sent an object without its ${word}`);
  return oid;
}

function* entriesOf(pack: PackFile, oid: string): Generator<Entry> {
  const { type, data } = pack.read(oid);
  if (type !== "tree") throw new Fault("git_unreachable", "the git server sent something else than a folder");
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const end = bytes.indexOf(0, space);
    if (space < 0 || end < 0 || end + 21 > bytes.length) throw new Fault("git_unreachable", "the git server sent a damaged folder");
    yield { mode: bytes.toString("latin1", at, space), name: nameOf(bytes.subarray(space + 1, end)), oid: bytes.toString("hex", end + 1, end + 21) };
    at = end + 21;
  }
}

function nameOf(bytes: Buffer): string {
  const name = bytes.toString("utf8");
  if (!Buffer.from(name).equals(bytes)) throw new Fault("source_name", `${quote(name)} has a name that is not UTF-8`, { details: { path: name } });
  if (name === "" || name === "." || name === ".." || name === ".git" || name.includes("/"))
    throw new Fault("tree_invalid", `the repository has something called ${quote(name)}, which git itself would not make`);
  return name;
}

function writeBlob(pack: PackFile, { mode, name: path, oid }: Entry, folder: string, budget: Budget, result: CheckedOut): void {
  const { type, data } = pack.read(oid);
  if (type !== "blob" || (mode !== LINK && !FILE.test(mode))) throw new Fault("tree_invalid", `${quote(path)} is of a kind that git does not know`);
  budget.spend("checkedOut", data.length);
  if (mode === LINK) writeLink(path, folder, data);
  else writeFile(path, folder, data, mode === "100755" ? 0o755 : 0o644, result);
}

function writeLink(path: string, folder: string, target: Uint8Array): void {
  if (target.length === 0 || target.includes(0)) throw new Fault("tree_invalid", `the link ${quote(path)} leads nowhere`);
  make(path, () => symlinkSync(Buffer.from(target), `${folder}/${path}`));
}

function writeFile(path: string, folder: string, data: Uint8Array, mode: number, result: CheckedOut): void {
  make(path, () => writeFileSync(`${folder}/${path}`, data, { flag: "wx", mode }));
  if (path === ".gitmodules") result.gitmodules = Buffer.from(data).toString("utf8");
  if (data.length <= LONGEST_POINTER && Buffer.from(data).toString("latin1").startsWith(LFS_POINTER)) result.lfsPointers.push(path);
}

const BY_ERRNO: Record<string, (path: string) => Fault> = {
  EEXIST: (path) => new Fault("tree_invalid", `the repository has ${quote(path)} twice`),
  ENAMETOOLONG: (path) => new Fault("source_name", `${quote(path)} is longer than a name can be`, { details: { path } }),
  ENOSPC: () => new Fault("git_too_large", "its files do not fit on the disk of the fetch"),
  EDQUOT: () => new Fault("git_too_large", "its files do not fit on the disk of the fetch"),
};

function make(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw BY_ERRNO[errnoOf(error)]?.(path) ?? error;
  }
}
