import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { AppName } from "#shared/app";
import { Fault } from "#shared/fault";

const MANIFEST = "davit.yml";
const LONGEST = 40;

/** An app's name, and whether davit only made it up from the folder's. */
export interface NamedApp {
  name: string;
  guessed: boolean;
}

/**
 * What the app in `root` is called: --name, the manifest's `name`, or the folder's name made fit.
 * @throws Fault name_invalid, manifest_invalid
 */
export function nameApp(flag: string | undefined, root: string): NamedApp {
  if (flag !== undefined) return { name: checkName(flag), guessed: false };
  const named = readManifest(join(root, MANIFEST));
  if (named !== undefined) return { name: named, guessed: false };
  const folder = basename(withoutLinks(resolve(root)));
  const name = toLabel(folder);
  if (name !== "") return { name, guessed: true };
  throw new Fault("name_invalid", `no app name can be made from the folder's name '${folder}'`, { details: { name: folder } });
}

/** The name itself, when it can be an app's. @throws Fault name_invalid */
export function checkName(name: string): string {
  const parsed = AppName.safeParse(name);
  if (parsed.success) return name;
  const details: Record<string, string> = { name, ...(toLabel(name) === "" ? {} : { suggestion: toLabel(name) }) };
  throw new Fault("name_invalid", `the app name '${name}' ${parsed.error.issues[0]?.message}`, { details });
}

/** `My Shop_2` as `my-shop-2`; empty when nothing usable is in it. */
export function toLabel(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, LONGEST)
    .replace(/-+$/, "");
}

function readManifest(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const manifest = parseManifest(file);
  if (manifest === null || manifest === undefined) return undefined;
  if (typeof manifest !== "object" || Array.isArray(manifest)) throw invalid("has to be keys with values");
  const { name, ...others } = manifest as Record<string, unknown>;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw invalid(`the key '${unknown}' is not known; this version of davit reads only 'name'`, { key: unknown });
  if (name === undefined) return undefined;
  const parsed = AppName.safeParse(name);
  if (!parsed.success) throw invalid(`name ${parsed.error.issues[0]?.message}`, { key: "name" });
  return parsed.data;
}

function parseManifest(file: string): unknown {
  try {
    return Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), {}, cause);
  }
}

function invalid(why: string, details: Record<string, string> = {}, cause?: unknown): Fault {
  return new Fault("manifest_invalid", `${MANIFEST}: ${why}`, { cause, details });
}

/* Of a linked folder the name of the real one counts; what is not there is the source's to complain about. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
