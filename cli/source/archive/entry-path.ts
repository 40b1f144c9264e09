import { Fault } from "#shared/fault";
import { quote } from "#shared/source/source-fault";
import { archiveFault, WITHOUT_IT } from "./archive-fault.ts";

/** Longest part of a path in bytes, on every file system in use. */
const LONGEST = 255;

/**
 * An entry's name as a path below the root of the archive: `./a//b/` is `a/b`, the root itself is "".
 * @param windows whether backslashes and drives mean something there: in a zip they may, in a tar of Unix they are letters
 * @throws Fault archive_invalid for a name that leads out, source_name for one that no tree can have
 */
export function entryPath(name: string, windows: boolean): string {
  if (name.startsWith("/")) throw bad(name, "has an absolute name");
  if (windows && /^[a-z]:/i.test(name)) throw bad(name, "has the name of a Windows drive");
  if (windows && name.includes("\\")) throw bad(name, "has a backslash in its name");
  if (leadsUp(name)) throw bad(name, "leads out of the archive");
  // The character that stands for bytes that are no UTF-8.
  if (name.includes("\uFFFD")) throw unfit(name, "is not UTF-8");
  if (name.includes("\0")) throw unfit(name, "has a NUL byte");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.some((part) => Buffer.byteLength(part) > LONGEST)) throw unfit(name, `has a part of over ${LONGEST} bytes`);
  return parts.join("/");
}

/** Whether `..` is a part of the name, wherever that leads: no archive of a folder has it. */
export function leadsUp(name: string): boolean {
  return name.split("/").includes("..");
}

function bad(name: string, why: string): Fault {
  return archiveFault(`the entry ${quote(name)} ${why}`, { entry: name, next: WITHOUT_IT });
}

function unfit(name: string, why: string): Fault {
  return new Fault("source_name", `the name of the entry ${quote(name)} ${why}`, { details: { path: name, next: WITHOUT_IT } });
}
