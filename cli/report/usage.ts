import type { Definition } from "clipanion";
import { Fault } from "#shared/fault";
import { nearest } from "./nearest.ts";

const BINARY = "davit ";

/** The command that the words at the beginning of the command line name, or a group such as `app`. */
export interface FoundCommand {
  definition: Definition | undefined;
  /** Commands below what was typed, when that is only a group; all of them for nothing. */
  group: Definition[];
  words: string[];
}

/** Which command `argv` is about. */
export function findCommand(argv: readonly string[], definitions: readonly Definition[]): FoundCommand {
  const end = argv.findIndex((word) => word.startsWith("-"));
  const words = argv.slice(0, end < 0 ? argv.length : end);
  const definition = definitions.find(({ path }) => startsWith(words, pathWords(path)));
  const group = definition ? [] : definitions.filter(({ path }) => startsWith(pathWords(path), words));
  return { definition, group, words };
}

/**
 * What clipanion could not understand, as a fault that names the mistake, what was probably meant, and the usage line.
 * Clipanion's own message lists every option of every candidate.
 */
export function usageFault(error: unknown, argv: readonly string[], definitions: readonly Definition[]): Fault {
  const found = findCommand(argv, definitions);
  if (!found.definition) return commandFault(found, argv, definitions);
  const { definition } = found;
  const command = pathWords(definition.path).join(" ");
  const options = definition.options.flatMap(({ definition: names }) => optionNames(names));
  const given = argv.filter((word) => word.startsWith("-") && word !== "--").map((word) => word.split("=")[0] ?? "");
  const unknown = given.find((name) => name.startsWith("--") && !options.includes(name));
  const meant = unknown ? nearest(unknown, options) : undefined;
  const why = unknown
    ? `davit ${command} has no option ${unknown}${meant ? `; did you mean ${meant}?` : ""}`
    : (switchWithValue(argv, definition) ?? reword(error instanceof Error ? error.message : String(error), command, surplus(argv, definition)));
  return new Fault("usage", `${why}\nusage: ${definition.usage.trim()}${definition.options.length > 0 ? " [options]" : ""}`, {
    cause: error,
    details: { command },
  });
}

function commandFault({ group, words }: FoundCommand, argv: readonly string[], definitions: readonly Definition[]): Fault {
  if (words.length > 0 && group.length > 0) {
    const next = new Set(group.map(({ path }) => pathWords(path)[words.length]));
    return new Fault("usage", `\`davit ${words.join(" ")}\` is followed by one of: ${[...next].join(", ")}`, {
      details: { command: words.join(" ") },
    });
  }
  const typed = words.length > 0 ? words : argv.slice(0, 1).map((word) => word.split("=")[0] ?? "");
  const paths = new Set(definitions.flatMap(({ path }) => pathWords(path).map((_, index, all) => all.slice(0, index + 1).join(" "))));
  const meant = nearest(typed.slice(0, 2).join(" "), paths) ?? nearest(typed[0] ?? "", paths);
  // What comes after the first word that is no command's may be a secret.
  const known = typed.findIndex((_, index) => !paths.has(typed.slice(0, index + 1).join(" ")));
  const shown = typed.slice(0, known + 1).join(" ");
  return new Fault("usage", `there is no command \`davit ${shown}\`${meant ? `; did you mean \`davit ${meant}\`?` : ""}`);
}

/**
 * Empty text is mostly a shell's variable that is not set. No option takes it but those whose description says what '' means.
 * @throws Error for {@link usageFault}
 */
export function checkEmpty(argv: readonly string[], definitions: readonly Definition[]): void {
  const { definition } = findCommand(argv, definitions);
  const filled = (definition?.options ?? []).filter((option) => option.definition.includes(" #") && !option.description?.includes("''"));
  const names = new Set(filled.flatMap((option) => optionNames(option.definition)));
  const end = argv.indexOf("--");
  const given = end < 0 ? argv : argv.slice(0, end);
  const empty = given.find((word, index) => (names.has(word) && given[index + 1] === "") || (word.endsWith("=") && names.has(word.slice(0, -1))));
  if (empty !== undefined) throw new Error(`${empty.replace(/=$/, "")} needs a value, and what is given is empty`);
}

/* Where a command takes any number of arguments, clipanion says of it only that there is no such command. */
function switchWithValue(argv: readonly string[], { options }: Definition): string | undefined {
  const switches = new Set(options.flatMap(({ definition }) => (definition.includes(" #") ? [] : optionNames(definition))));
  const given = argv.map((word) => word.split("=")).find(([name = "", ...value]) => value.length > 0 && switches.has(name));
  return given && `${given[0]} takes no value`;
}

/** Which argument the command has no place for, counted from 1; it is not shown, because it may be a secret. */
function surplus(argv: readonly string[], { path, usage, options }: Definition): number | undefined {
  if (usage.includes("...")) return undefined;
  const places = [...usage.matchAll(/[<[]/g)].length;
  const takesValue = new Set(options.flatMap(({ definition }) => (definition.includes(" #") ? (definition.split(" ")[0]?.split(",") ?? []) : [])));
  const given = argv.slice(pathWords(path).length);
  const positional = given.filter((word, index) => !word.startsWith("-") && !takesValue.has(given[index - 1] ?? ""));
  return positional.length > places ? places + 1 : undefined;
}

function reword(message: string, command: string, extra: number | undefined): string {
  const [first = ""] = message.split("\n");
  const [, option] = /^Not enough arguments to option (\S+)\.$/.exec(first) ?? [];
  const [, invalid] = /^(?:Invalid|Unsupported) option name \("(.*)"\)/.exec(first) ?? [];
  if (extra !== undefined) return `argument ${extra} is one too many for davit ${command}`;
  if (option !== undefined) return `${option} needs a value`;
  if (invalid !== undefined) return `davit ${command} has no option ${bare(invalid)}`;
  return first.startsWith("Not enough positional") ? `davit ${command} needs an argument more` : first;
}

/** `-phunter2` as `-p`: what follows a short option was meant as its value. */
function bare(option: string): string {
  return option.startsWith("--") ? option : option.slice(0, 2);
}

/** `-n,--namespace #0` as its names; a switch can be turned off by `--no-`. */
function optionNames(definition: string): string[] {
  const [names = "", value] = definition.split(" ");
  const all = names.split(",");
  return value === undefined ? all.flatMap((name) => [name, name.replace(/^--/, "--no-")]) : all;
}

function pathWords(path: string): string[] {
  return path.startsWith(BINARY) ? path.slice(BINARY.length).split(" ") : [];
}

function startsWith(words: readonly string[], start: readonly string[]): boolean {
  return start.every((word, index) => words[index] === word);
}
