import { ClusterError } from "./fail.ts";
import { MAX_NODES } from "./layout.ts";

export type Command = "up" | "down" | "reset" | "status" | "env" | "load";
export type Arguments = { command: Command | "help"; context?: string; nodes?: number; output: "text" | "json"; files: string[] };

const COMMANDS: readonly string[] = ["up", "down", "reset", "status", "env", "load"];

export const usage = `usage: ./scripts/cluster/COMMAND
  up [--nodes N]     builds what is missing (minutes, the first time) and starts a Kubernetes; with N, nodes join or leave until there are as many
  down               stops it and removes everything but the cache
  reset              down, then up
  status [-o json]   what runs; exit code 0 when all of it does
  env                export lines: eval "$(./scripts/cluster/env)"
  load IMAGE.tar...  puts OCI or docker archives on the nodes
DAVIT_CLUSTER=NAME   in the environment makes it another cluster, beside the one without a name; up to seven
--context NAME       (up, status, env, down) means that context of your own kubeconfig instead; nothing of it is changed`;

export function parseArguments(argv: readonly string[]): Arguments {
  const parsed: Arguments = { command: "help", output: "text", files: [] };
  const words = argv.flatMap((word) =>
    /^--(context|nodes|output)=/.test(word) ? [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)] : [word],
  );
  let named = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "-h" || word === "--help") return { ...parsed, command: "help" };
    if (word === "--context") parsed.context = wordAfter(words, ++at, word);
    else if (word === "--nodes") parsed.nodes = countOf(wordAfter(words, ++at, word));
    else if (word === "-o" || word === "--output") parsed.output = outputOf(wordAfter(words, ++at, word));
    else if (word.startsWith("-")) throw new ClusterError(`unknown option ${word}\n${usage}`);
    else if (!named) {
      parsed.command = commandOf(word);
      named = true;
    } else parsed.files.push(word);
  }
  return checked(parsed);
}

function checked(parsed: Arguments): Arguments {
  if (parsed.command === "load" && parsed.files.length === 0)
    throw new ClusterError("load needs the path of an image archive: ./scripts/cluster/load IMAGE.tar");
  if (parsed.command !== "load" && parsed.files.length > 0)
    throw new ClusterError(`${parsed.command} takes no argument (got ${parsed.files.join(" ")})`);
  if (parsed.context !== undefined && (parsed.command === "load" || parsed.command === "reset"))
    throw new ClusterError(`${parsed.command} is only for the cluster that scripts/cluster made: leave out --context`);
  if (parsed.nodes !== undefined && (parsed.context !== undefined || !(parsed.command === "up" || parsed.command === "reset")))
    throw new ClusterError("--nodes is for up and reset of the cluster that scripts/cluster makes");
  return parsed;
}

function countOf(word: string): number {
  const nodes = Number(word);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) throw new ClusterError(`--nodes is 1 to ${MAX_NODES}, not ${word}`);
  return nodes;
}

function commandOf(word: string): Command {
  if (!COMMANDS.includes(word)) throw new ClusterError(`unknown command ${word}\n${usage}`);
  return word as Command;
}

function outputOf(word: string): "text" | "json" {
  if (word !== "text" && word !== "json") throw new ClusterError(`-o is text or json, not ${word}`);
  return word;
}

function wordAfter(words: readonly string[], at: number, option: string): string {
  const value = words[at];
  if (!value || value.startsWith("-")) throw new ClusterError(`${option} needs a value`);
  return value;
}
