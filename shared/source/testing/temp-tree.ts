import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Fault } from "../../fault.ts";

/** A real directory that is gone when its scope ends. */
export interface TempTree extends Disposable {
  readonly path: string;
  /** Writes a file below it, with the folders on the way, and gives its full path. */
  write(path: string, content?: string | Uint8Array): string;
  /** Makes a folder below it and gives its full path. */
  folder(path: string): string;
}

/** A directory with these files in it; a path that ends in "/" is an empty folder. Everybody may read it. */
export function tempTree(files: Record<string, string | Uint8Array> | readonly string[] = {}): TempTree {
  const path = mkdtempSync(join(tmpdir(), "davit-source-"));
  chmodSync(path, 0o755);
  const folder = (name: string) => {
    mkdirSync(join(path, name), { recursive: true });
    return join(path, name);
  };
  const write = (name: string, content: string | Uint8Array = name) => {
    folder(dirname(name));
    writeFileSync(join(path, name), content);
    return join(path, name);
  };
  const contents = Array.isArray(files) ? files.map((name): [string, string] => [name, name]) : Object.entries(files);
  for (const [name, content] of contents) {
    if (name.endsWith("/")) folder(name);
    else write(name, content);
  }
  return { path, write, folder, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Makes a file look as if it was last written an hour ago. */
export function backdate(path: string): void {
  const then = Date.now() / 1000 - 3600;
  utimesSync(path, then, then);
}

/** A time so late that no file of a test is too young to be known by its stat. */
export function later(): number {
  return Date.now() + 3_600_000;
}

/** The code, message and details of the Fault that `work` ends in; fails when it ends well or in anything else. */
export async function faultOf(work: Promise<unknown> | (() => unknown)): Promise<{ code: string; message: string; details: Record<string, string> }> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof Fault) return { code: error.code, message: error.message, details: error.details };
    throw error;
  }
  throw new Error("expected a Fault, but it went well");
}
