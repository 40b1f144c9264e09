import { existsSync, type Stats, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { MANIFEST_NAMES } from "#shared/app";
import { Fault } from "#shared/fault";

/** A manifest's file; `shown` is its path as messages have it. */
export interface ManifestFile {
  path: string;
  shown: string;
}

/**
 * The manifest that `davit push PATH` names: a file, or a folder that has one.
 * @throws Fault usage
 */
export function namedManifest(path: string, cwd: string): ManifestFile {
  const full = resolve(cwd, path);
  if (!existsSync(full)) throw new Fault("usage", `there is no manifest '${path}'`, { details: { path } });
  if (!isFolder(full)) return { path: full, shown: show(full, cwd) };
  const inside = manifestIn(full, cwd);
  if (inside) return inside;
  throw new Fault("usage", `the folder '${path}' has no ${MANIFEST_NAMES[0]}`, {
    details: { path, next: `\`davit push --path ${path}\` pushes a folder that has no manifest` },
  });
}

/** The manifest in `folder`, if it has one. */
export function manifestIn(folder: string, cwd: string): ManifestFile | undefined {
  const path = MANIFEST_NAMES.map((name) => join(folder, name)).find(existsSync);
  return path === undefined ? undefined : { path, shown: show(path, cwd) };
}

/** What is not there, or cannot be looked at, is no folder: whoever reads it says why. */
export function isFolder(path: string): boolean {
  return lookAt(path)?.isDirectory() ?? false;
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/* As short as it can be without becoming a riddle. */
function show(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}
