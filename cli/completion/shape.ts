import type { Definition } from "clipanion";

/** Things whose names the logins or the agent know. */
export type NamedThing = "apps" | "namespaces" | "configurations" | "git-credentials" | "servers";
/** What a value names, as far as it can be completed. */
export type Thing = NamedThing | "files";

export interface OptionShape {
  /** The long name. */
  name: string;
  /** What is offered: of a switch that is on already, the way to turn it off. */
  offered: string;
  description: string;
  takesValue: boolean;
  repeats: boolean;
  thing: Thing | readonly string[] | undefined;
}

interface Argument {
  /** What it names; undefined for what nobody else can know. */
  thing: Thing | readonly string[] | undefined;
}

/** What of a command's definition matters for completing its command line. */
export interface CommandShape {
  options: readonly OptionShape[];
  option(name: string): OptionShape | undefined;
  /** The argument at a position, counted from 0; undefined where none may stand. */
  argument(position: number): Argument | undefined;
}

const VALUE = /^<([^>]+)> /;
/** A placeholder that lists all there is to choose from. */
const CHOICES = /^[a-z]+(\|[a-z]+)+$/;
/** What the placeholder of a value says by itself. */
const BY_PLACEHOLDER: Readonly<Record<string, Thing>> = {
  APP: "apps",
  CONFIGURATION: "configurations",
  NAMESPACE: "namespaces",
  FILE: "files",
  PATH: "files",
  MANIFEST: "files",
};
/** Options whose placeholder is only NAME or URL. */
const BY_OPTION: Readonly<Record<string, Thing>> = {
  "--name": "apps",
  "--namespace": "namespaces",
  "--git-credential": "git-credentials",
  "--server": "servers",
};
/** What NAME means below each group of commands. */
const BY_GROUP: Readonly<Record<string, Thing>> = {
  app: "apps",
  namespace: "namespaces",
  configuration: "configurations",
  "git-credential": "git-credentials",
  logout: "servers",
};
const HELP: OptionShape = {
  name: "--help",
  offered: "--help",
  description: "explain the command",
  takesValue: false,
  repeats: false,
  thing: undefined,
};

/** The shape of the command at `path`, from what its help is made of. */
export function shapeOf(path: string, { usage, options: defined }: Definition): CommandShape {
  const byName = new Map<string, OptionShape>();
  const options = [...defined.map((option) => optionShape(option, byName)), HELP];
  const named = argumentsOf(path, usage);
  const further = usage.trim().endsWith("...") ? repeated(path, named) : undefined;
  return { options, option: (name) => byName.get(name), argument: (position) => named[position] ?? further };
}

/** `-n,--namespace #0` and its description; filed in `byName` under each of its names. */
function optionShape({ definition, description = "" }: Definition["options"][number], byName: Map<string, OptionShape>): OptionShape {
  const [names = "", value] = definition.split(" ");
  const all = names.split(",");
  const name = all.find((each) => each.startsWith("--")) ?? names;
  const off = `--no-${name.slice(2)}`;
  const shape: OptionShape = {
    name,
    offered: description.includes(off) ? off : name,
    description: description.replace(VALUE, ""),
    takesValue: value !== undefined,
    repeats: description.includes("may be repeated"),
    thing: BY_OPTION[name] ?? thingOf(VALUE.exec(description)?.[1] ?? ""),
  };
  for (const each of value === undefined ? [...all, off] : all) byName.set(each, shape);
  return shape;
}

function argumentsOf(path: string, usage: string): Argument[] {
  const [group = ""] = path.split(" ");
  const names = [...usage.matchAll(/[<[]([^\]>]+)[\]>]/g)].map(([, name = ""]) => name);
  return names.map((name, position) => {
    // Nobody wants the name of one that is there already.
    if (position === 0 && path.endsWith(" create")) return { thing: undefined };
    return { thing: name === "NAME" || name === "URL" ? BY_GROUP[group] : thingOf(name) };
  });
}

/* To delete, several of the same may be named; what else repeats is something else: `app env set NAME K=V ...`. */
function repeated(path: string, named: readonly Argument[]): Argument {
  return { thing: path.endsWith(" delete") ? named.at(-1)?.thing : undefined };
}

function thingOf(placeholder: string): Thing | readonly string[] | undefined {
  return CHOICES.test(placeholder) ? placeholder.split("|") : BY_PLACEHOLDER[placeholder.toUpperCase()];
}
