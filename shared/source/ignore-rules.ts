import ignore, { type Ignore } from "ignore";
import { MANIFEST_NAMES } from "../app.ts";
import { createPrefilter, type Prefilter } from "./ignore-prefilter.ts";

/**
 * Never part of a source unless .davitignore brings it back: histories are large, secret-laden and useless to a build.
 * .gitignore cannot bring them back, because there `!.*` is common and does not mean .git to git either.
 */
const ALWAYS = new Set([".git", ".hg", ".svn", ".DS_Store"]);
/** At the top of a source a manifest is the app's settings, not its code: what changes in it is no reason to build again. */
const MANIFESTS: ReadonlySet<string> = new Set(MANIFEST_NAMES);

/** One file of rules. */
interface Level {
  /** Characters of a path in front of what this level's rules are about. */
  readonly below: number;
  readonly mayMatch: Prefilter;
  readonly rules: Ignore;
}

/**
 * What applies inside one directory. .davitignore of the root decides first, then {@link ALWAYS} and {@link MANIFESTS},
 * then the .gitignore files from the nearest directory to the root; the first that says anything wins, as the last line
 * of a file does.
 * Nothing outside the source counts (no global excludes, no .gitignore above the root), so that a source has one tree
 * on every machine. .dockerignore is left to the builder, which finds it in its context.
 */
export interface IgnoreRules {
  readonly davit: Level | undefined;
  /** Nearest first. */
  readonly git: readonly Level[];
}

/** The rules at a source's root, from the text of its .davitignore. */
export function rootRules(davitignore: string | undefined): IgnoreRules {
  return { davit: parse(davitignore, 0), git: [] };
}

/** Whether the thing called `name` at `path`, in a directory that is itself kept, is left out. */
export function isIgnored(rules: IgnoreRules, path: string, name: string, isDirectory: boolean): boolean {
  const first = rules.davit && verdict(rules.davit, path, name, isDirectory);
  if (first !== undefined) return first;
  if (ALWAYS.has(name) || MANIFESTS.has(path)) return true;
  for (const level of rules.git) {
    const said = verdict(level, path, name, isDirectory);
    if (said !== undefined) return said;
  }
  return false;
}

/** The rules inside the kept directory called `name` at `path` ("" is the root), from those around it and its own .gitignore. */
export function rulesInside(outer: IgnoreRules, path: string, name: string, gitignore: string | undefined): IgnoreRules {
  const excludes = (level: Level) => path !== "" && verdict(level, path, name, true) === true;
  const git = outer.git.some(excludes) ? outer.git.map((level) => (excludes(level) ? pinned(level, path) : level)) : outer.git;
  const own = parse(gitignore, path === "" ? 0 : path.length + 1);
  return own === undefined && git === outer.git ? outer : { ...outer, git: own ? [own, ...git] : git };
}

/* Ignored, expressly kept, or not spoken of. */
function verdict(level: Level, path: string, name: string, isDirectory: boolean): boolean | undefined {
  const below = level.below === 0 ? path : path.slice(level.below);
  if (!level.mayMatch(below, name)) return undefined;
  const { ignored, unignored } = level.rules.test(isDirectory ? `${below}/` : below);
  return ignored || unignored ? ignored : undefined;
}

/*
 * A level may exclude a directory that a nearer one brought back. `ignore` would then exclude all that is below it,
 * where git asks each path anew; so the level is told, by one more line, that this very directory is kept.
 */
function pinned(level: Level, path: string): Level {
  const escaped = path.slice(level.below).replace(/[\\*?[\]!# ]/g, "\\$&");
  const rules = compile().add([level.rules, { pattern: `!/${escaped}/` }]);
  return { ...level, rules };
}

function parse(text: string | undefined, below: number): Level | undefined {
  const mayMatch = createPrefilter(text ?? "");
  return mayMatch && { below, mayMatch, rules: compile().add(text ?? "") };
}

/* Case counts everywhere, as it does in the image that is built. */
function compile(): Ignore {
  return ignore({ ignorecase: false });
}
