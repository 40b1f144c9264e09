import { closeSync, linkSync, mkdirSync, openSync, statSync, symlinkSync, writeSync } from "node:fs";
import { Fault } from "#shared/fault";
import { errnoOf, quote } from "#shared/source/source-fault";
import { MAX_ENTRIES } from "#shared/tree";
import { archiveFault, WITHOUT_IT } from "./archive-fault.ts";
import { entryPath, leadsUp } from "./entry-path.ts";
import type { Meter } from "./meter.ts";

/**
 * The folder that an archive is unpacked into. It takes the entries as they come and refuses what must not be there:
 * nothing is written twice, outside, or through a link, because links are made when all else is there.
 */
export class UnpackTarget implements Disposable {
  readonly #root: string;
  readonly #meter: Meter;
  readonly #windows: boolean;
  readonly #known = new Map<string, "directory" | "file" | "symlink">();
  readonly #links = new Map<string, string>();
  #file: number | undefined;
  /** The entry that came last, as the archive names it. */
  last: string | undefined;

  /** @param windows whether names may have meant Windows, as {@link entryPath} takes it */
  constructor(root: string, meter: Meter, windows: boolean) {
    this.#root = root;
    this.#meter = meter;
    this.#windows = windows;
  }

  directory(name: string): void {
    const path = this.#path(name);
    if (path === "" || this.#known.get(path) === "directory") return;
    this.#claim(name, path, "directory");
    mkdirSync(this.#full(path), { mode: 0o700 });
  }

  /** Begins a file; its bytes follow by {@link write}, and {@link close} ends it. */
  open(name: string, executable: boolean): void {
    const path = this.#path(name);
    this.#claim(name, path, "file");
    this.#file = openSync(this.#full(path), "wx", executable ? 0o700 : 0o600);
  }

  write(bytes: Uint8Array): void {
    if (this.#file === undefined) throw new Error("bytes for no file");
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Where links lead is judged by the walk, as in any source. */
  symlink(name: string, target: string): void {
    const path = this.#path(name);
    if (target === "" || target.includes("\uFFFD")) throw this.#refusal(name, "is a link to no name in UTF-8");
    this.#claim(name, path, "symlink");
    this.#links.set(path, target);
  }

  /** A second name of a file that came before. */
  hardLink(name: string, target: string): void {
    const path = this.#path(name);
    if (target.startsWith("/") || leadsUp(target)) {
      const details = { path: name, target, next: WITHOUT_IT };
      throw new Fault("source_link", `the hard link ${quote(name)} -> ${quote(target)} leads out of the archive`, { details });
    }
    const existing = entryPath(target, this.#windows);
    if (this.#known.get(existing) !== "file") throw this.#refusal(name, `is a hard link to ${quote(target)}, which is no file before it`);
    this.#claim(name, path, "file");
    this.#meter.add(statSync(this.#full(existing)).size);
    linkSync(this.#full(existing), this.#full(path));
  }

  /** To be called when all entries are there. */
  finish(): void {
    for (const [path, target] of this.#links) symlinkSync(target, this.#full(path));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #path(name: string): string {
    this.last = name;
    return entryPath(name, this.#windows);
  }

  #full(path: string): string {
    return `${this.#root}/${path}`;
  }

  #claim(name: string, path: string, kind: "directory" | "file" | "symlink"): void {
    if (path === "") throw this.#refusal(name, "has no name");
    if (this.#known.has(path)) throw this.#refusal(name, "is there twice");
    for (let cut = path.indexOf("/"); cut > 0; cut = path.indexOf("/", cut + 1)) this.#parent(name, path.slice(0, cut));
    this.#keep(path, kind);
  }

  #parent(name: string, path: string): void {
    const kind = this.#known.get(path);
    if (kind === "directory") return;
    if (kind !== undefined) throw this.#refusal(name, `lies below ${quote(path)}, which is a ${kind === "file" ? "file" : "link"}`);
    this.#keep(path, "directory");
    mkdirSync(this.#full(path), { mode: 0o700 });
  }

  #keep(path: string, kind: "directory" | "file" | "symlink"): void {
    if (this.#known.size >= MAX_ENTRIES) throw archiveFault(`the archive has over ${MAX_ENTRIES} entries`, { entry: path });
    this.#known.set(path, kind);
  }

  #refusal(name: string, why: string): Fault {
    return archiveFault(`the entry ${quote(name)} ${why}`, { entry: name, next: WITHOUT_IT });
  }
}

/** What writing into the target failed of, said for people; other errors are given back as they are. */
export function writeFault(error: unknown, entry: string, folder: string): unknown {
  switch (errnoOf(error)) {
    case "EEXIST":
      return archiveFault(`the entry ${quote(entry)} and one before it have the same name on this file system`, { entry, next: WITHOUT_IT });
    case "ENAMETOOLONG":
      return new Fault("source_name", `the entry ${quote(entry)} has a path that is too long for this system`, { details: { path: entry } });
    case "ENOSPC":
    case "EDQUOT": {
      const details = { path: folder, next: "make room there, or name another folder: `TMPDIR=FOLDER davit push …`" };
      return new Fault("source_unreadable", `there is no room to unpack the archive in ${quote(folder)}`, { cause: error, details });
    }
    default:
      return error;
  }
}
