import type { Definition } from "clipanion";
import { buildCli, COMMAND_PATHS, commandPath } from "../cli.ts";
import { type CommandShape, type NamedThing, type OptionShape, shapeOf, type Thing } from "./shape.ts";

/** A word that could stand where the cursor is. */
export interface Candidate {
  word: string;
  description?: string;
}

/** What fits: these words, or the names of files, which the shell knows better. */
export interface Completion {
  files: boolean;
  candidates: Candidate[];
}

/** The names of things, as they are known to this machine or the agent; `words` are those of the command line. */
export type AskNames = (thing: NamedThing, words: readonly string[]) => Promise<string[]>;

/** Where the cursor is, once the words before it are understood. */
interface Place {
  /** What is meant there. */
  thing: Thing | readonly string[] | undefined;
  /** What of the word at the cursor is no part of it: `--output=`. */
  prefix: string;
  /** Whether an option may stand there, and which ones stand there already. */
  options: boolean;
  given: ReadonlySet<string>;
}

/**
 * What can stand at the cursor. `words` are those after `davit`, to the one at the cursor, of which only what is before
 * the cursor counts. With `described` false only words are wanted.
 */
export async function complete(words: readonly string[], askNames: AskNames, described: boolean): Promise<Completion> {
  const asked = words[0] === "help" && words.length > 1 ? words.slice(1) : words;
  const before = asked.slice(0, -1);
  const current = asked.at(-1) ?? "";
  const path = commandPath(before);
  if (path === undefined || asked !== words) return onlyWords(current, await commandWords(before, described));
  const [definition] = (await buildCli([path])).definitions();
  if (!definition) return onlyWords(current, []);
  const shape = shapeOf(path, definition);
  const rest = before.slice(path.split(" ").length);
  const place = placeOf(shape, rest, current);
  if (place.thing === "files") return { files: true, candidates: [] };
  const names = typeof place.thing === "string" ? await askNames(place.thing, rest) : (place.thing ?? []);
  const candidates = names.map((name) => ({ word: `${place.prefix}${name}` }));
  return onlyWords(current, [...candidates, ...(place.options ? optionWords(shape, place.given) : [])]);
}

function onlyWords(current: string, candidates: readonly Candidate[]): Completion {
  return { files: false, candidates: candidates.filter(({ word }) => word.startsWith(current)) };
}

/** What can follow the words of a command that is not complete; `help` is the one that is no command of its own. */
async function commandWords(before: readonly string[], described: boolean): Promise<Candidate[]> {
  const paths = COMMAND_PATHS.filter((path) => startsWith(path.split(" "), before));
  const next = Map.groupBy(paths, (path) => path.split(" ")[before.length] ?? "");
  const descriptions = described ? await describe(paths.filter((path) => path.split(" ").length === before.length + 1)) : undefined;
  const commands = [...next].map(([word, below]) =>
    candidate(word, descriptions && (descriptions.get(below[0] ?? "") ?? membersOf(below, before.length))),
  );
  return before.length === 0 ? [...commands, candidate("help", "show commands, or more about one")] : commands;
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return words.length > start.length && start.every((word, index) => words[index] === word);
}

/* A group of commands says what is in it. */
function membersOf(paths: readonly string[], depth: number): string {
  return [...new Set(paths.map((path) => path.split(" ")[depth + 1]))].join(", ");
}

async function describe(paths: readonly string[]): Promise<Map<string, string>> {
  const definitions: readonly Definition[] = (await buildCli(paths)).definitions();
  return new Map(definitions.map(({ path, description = "" }) => [path.replace(/^davit /, ""), description.trim()]));
}

function candidate(word: string, description: string | undefined): Candidate {
  return { word, ...(description ? { description } : {}) };
}

/** Goes over the words after the command as it will be understood: which of them are options, their values, arguments. */
function placeOf(shape: CommandShape, rest: readonly string[], current: string): Place {
  const given = new Set<string>();
  let waiting: OptionShape | undefined;
  let position = 0;
  let ended = false;
  for (const word of rest) {
    if (waiting) waiting = undefined;
    else if (!ended && word === "--") ended = true;
    else if (!ended && word.startsWith("-")) {
      const option = shape.option(word.split("=")[0] ?? "");
      if (option) given.add(option.name);
      if (option?.takesValue && !word.includes("=")) waiting = option;
    } else position += 1;
  }
  if (waiting) return { thing: waiting.thing, prefix: "", options: false, given };
  if (ended || !current.startsWith("-")) {
    const argument = shape.argument(position);
    return { thing: argument?.thing, prefix: "", options: !ended && argument === undefined && current === "", given };
  }
  const cut = current.indexOf("=");
  if (cut < 0) return { thing: undefined, prefix: "", options: true, given };
  return { thing: shape.option(current.slice(0, cut))?.thing, prefix: current.slice(0, cut + 1), options: false, given };
}

function optionWords({ options }: CommandShape, given: ReadonlySet<string>): Candidate[] {
  return options.filter(({ name, repeats }) => repeats || !given.has(name)).map(({ offered, description }) => candidate(offered, description));
}
