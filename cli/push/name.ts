import { realpathSync } from "node:fs";
import { basename, resolve } from "node:path";
import { AppName } from "#shared/app";
import { Fault } from "#shared/fault";
import { quoteName } from "../flags.ts";
import { isFolder } from "../manifest/find.ts";
import type { PushSource } from "./source.ts";

const LONGEST = 40;
const ARCHIVE = /\.(tar(\.[a-z0-9]+)?|tgz|zip)$/i;

/** An app's name, and what davit made it from when nobody said it. */
export interface NamedApp {
  name: string;
  after?: "folder" | "archive" | "repository" | "image";
}

/**
 * What the app is called: the name that --name or the manifest gives, else its source's made fit.
 * @throws Fault name_invalid
 */
export function nameApp(given: string | undefined, source: PushSource): NamedApp {
  if (given !== undefined) return { name: checkName(given) };
  const { after, text } = namesake(source);
  const name = toLabel(text);
  if (name !== "") return { name, after };
  throw new Fault("name_invalid", `no app name can be made from the ${after}'s name '${text}'`);
}

/** The name itself, when it can be an app's; `what` says where it was typed. @throws Fault name_invalid */
export function checkName(name: string, what = "the app name"): string {
  const parsed = AppName.safeParse(name);
  if (parsed.success) return name;
  // What has a '=' was meant as something else, and would be suggested with its value.
  const suggestion = name.includes("=") ? "" : toLabel(name);
  const details: Record<string, string> = suggestion === "" ? {} : { suggestion };
  throw new Fault("name_invalid", `${what} ${quoteName(name)} ${parsed.error.issues[0]?.message}`, { details });
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

function namesake(source: PushSource): { after: NonNullable<NamedApp["after"]>; text: string } {
  switch (source.kind) {
    case "git":
      return { after: "repository", text: lastPart(source.url.replace(/(\.git)?\/*$/, "")) };
    case "image":
      return { after: "image", text: lastPart(source.image.replace(/@.*$/, "")).replace(/:.*$/, "") };
    case "path": {
      const name = basename(withoutLinks(resolve(source.root)));
      return ARCHIVE.test(name) && !isFolder(source.root) ? { after: "archive", text: name.replace(ARCHIVE, "") } : { after: "folder", text: name };
    }
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/* Of a linked folder the name of the real one counts; what is not there is the source's to complain about. */
function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
