import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { sep } from "node:path";
import { Fault } from "../fault.ts";
import { byPath, MAX_ENTRIES, type TreeEntry } from "../tree.ts";
import { type IgnoreRules, isIgnored, rootRules, rulesInside } from "./ignore-rules.ts";
import { checkLinks } from "./links.ts";
import { createPace } from "./pace.ts";
import { errnoOf, fileFault, quote } from "./source-fault.ts";

/** A file as the walk found it. Times are ms since the epoch, with their fraction (exact to 0.25 µs). */
export interface WalkedFile {
  kind: "file";
  path: string;
  mode: 0o644 | 0o755;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  ino: number;
}
/** A tree's entry before its bytes are read. */
export type WalkedEntry = WalkedFile | Exclude<TreeEntry, { kind: "file" }>;

interface Walk {
  root: string;
  found: WalkedEntry[];
  links: Map<string, string>;
}
interface Folder {
  path: string;
  name: string;
  rules: IgnoreRules;
}

/**
 * Everything below the directory `root` after ignore rules, sorted by path, no file opened but .gitignore and
 * .davitignore. Ignored things cause no fault, whatever they are. A directory is listed when nothing is left in it.
 * @throws Fault source_not_found, source_not_directory, source_empty for the root; source_unreadable, source_changed,
 *   source_link, source_special_file, source_name for what is below it; tree_invalid when that is too much; interrupted
 */
export async function walkSource(root: string, options: { signal?: AbortSignal | undefined } = {}): Promise<WalkedEntry[]> {
  checkRoot(root);
  const pace = createPace(options.signal);
  const walk: Walk = { root, found: [], links: new Map() };
  const ahead: Folder[] = [{ path: "", name: "", rules: rootRules(readDavitignore(root)) }];
  for (let folder = ahead.pop(); folder; folder = ahead.pop()) {
    const rest = pace();
    if (rest) await rest;
    readFolder(walk, folder, ahead);
    if (walk.found.length > MAX_ENTRIES) throw tooMuch();
  }
  if (walk.found.length === 0) throw new Fault("source_empty", `there is nothing to push in ${quote(root)}: it is empty, or all of it is ignored`);
  checkLinks(walk.links);
  return walk.found.sort(byPath);
}

function checkRoot(root: string): void {
  try {
    if (statSync(root).isDirectory()) return;
  } catch (error) {
    if (["EACCES", "EPERM"].includes(errnoOf(error))) throw fileFault(error, root);
    throw new Fault("source_not_found", `${quote(root)} does not exist`, { cause: error, details: { path: root } });
  }
  throw new Fault("source_not_directory", `${quote(root)} is not a directory`, { details: { path: root } });
}

function readFolder(walk: Walk, folder: Folder, ahead: Folder[]): void {
  const full = folder.path === "" ? walk.root : `${walk.root}/${folder.path}`;
  const children = list(full, folder.path);
  const own = children.some((child) => child.name === ".gitignore" && child.isFile());
  const rules = rulesInside(folder.rules, folder.path, folder.name, own ? readRules(full, folder.path, ".gitignore") : undefined);
  let kept = 0;
  for (const child of children) {
    const path = folder.path === "" ? child.name : `${folder.path}/${child.name}`;
    const node = typeOf(child, walk.root, path);
    const isFolder = node.isDirectory();
    if (isIgnored(rules, path, child.name, isFolder)) continue;
    kept += 1;
    // Names that are not UTF-8 arrive with U+FFFD in them; so do, rightly, names that have that character.
    if (child.name.includes("\uFFFD")) checkName(full, child.name, path);
    if (isFolder) ahead.push({ path, name: child.name, rules });
    else if (node.isFile()) walk.found.push(walkedFile(walk.root, path));
    else if (node.isSymbolicLink()) addLink(walk, path);
    else throw specialFile(node, path);
  }
  if (kept === 0 && folder.path !== "") walk.found.push({ kind: "directory", path: folder.path });
}

function list(full: string, path: string): Dirent[] {
  try {
    return readdirSync(full, { withFileTypes: true });
  } catch (error) {
    throw fileFault(error, path === "" ? full : path);
  }
}

/* Some file systems do not tell the type in a listing; then everything says no, and only a stat knows. */
function typeOf(child: Dirent, root: string, path: string): Dirent | Stats {
  if (child.isFile() || child.isDirectory() || child.isSymbolicLink()) return child;
  return lstat(root, path);
}

function walkedFile(root: string, path: string): WalkedFile {
  return asWalkedFile(path, lstat(root, path));
}

/** What a walk keeps of a file's stat. As in git, the owner's x bit alone decides the mode. */
export function asWalkedFile(path: string, stat: Stats): WalkedFile {
  const mode = stat.mode & 0o100 ? 0o755 : 0o644;
  return { kind: "file", path, mode, size: stat.size, mtimeMs: stat.mtimeMs, ctimeMs: stat.ctimeMs, ino: stat.ino };
}

function lstat(root: string, path: string): Stats {
  try {
    return lstatSync(`${root}/${path}`);
  } catch (error) {
    throw fileFault(error, path);
  }
}

function addLink(walk: Walk, path: string): void {
  const target = readTarget(`${walk.root}/${path}`, path);
  walk.links.set(path, target);
  walk.found.push({ kind: "symlink", path, target });
}

function readTarget(full: string, path: string): string {
  try {
    const bytes = readlinkSync(full, { encoding: "buffer" });
    const target = bytes.toString("utf8");
    if (!Buffer.from(target).equals(bytes)) throw badName(path, "is a link to a name that is not UTF-8");
    return sep === "/" ? target : target.replaceAll(sep, "/");
  } catch (error) {
    throw fileFault(error, path);
  }
}

function checkName(folder: string, name: string, path: string): void {
  const namesakes = readdirSync(folder, { encoding: "buffer" }).filter((bytes) => bytes.toString("utf8") === name);
  if (namesakes.some((bytes) => !Buffer.from(name).equals(bytes))) throw badName(path, "has a name that is not UTF-8");
}

function badName(path: string, why: string): Fault {
  return new Fault("source_name", `${quote(path)} ${why}; rename it, or leave it out by a line in .davitignore`, { details: { path } });
}

function specialFile(node: Dirent | Stats, path: string): Fault {
  const kind = node.isFIFO() ? "a FIFO" : node.isSocket() ? "a socket" : node.isBlockDevice() || node.isCharacterDevice() ? "a device" : "no file";
  const message = `${quote(path)} is ${kind}, which cannot be pushed; a line in .davitignore leaves it out`;
  return new Fault("source_special_file", message, { details: { path, kind } });
}

/** Rules beyond git's. Who comes from Epinio has them in another file, and what that leaves out may be secret. */
function readDavitignore(root: string): string | undefined {
  const files = new Set(list(root, "").flatMap((child) => (child.isFile() ? [child.name] : [])));
  const name = [".davitignore", ".epinioignore"].find((each) => files.has(each));
  return name && readRules(root, "", name);
}

function readRules(full: string, path: string, name: string): string {
  try {
    return readFileSync(`${full}/${name}`, "utf8");
  } catch (error) {
    throw fileFault(error, path === "" ? name : `${path}/${name}`);
  }
}

function tooMuch(): Fault {
  return new Fault("tree_invalid", `the source has over ${MAX_ENTRIES} files; leave some out by lines in .davitignore`);
}
