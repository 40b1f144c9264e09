import type { Context } from "../context.ts";
import { type AskNames, type Completion, complete } from "./complete.ts";
import { shellWords } from "./shell-words.ts";

/**
 * What the scripts of `davit completion` ask: `bash BREAKS LINE`, of which the line ends at the cursor, or `zsh WORD...`
 * and `fish WORD...`, the words after the command to the cursor. Answers with a line `files` or `words`, then the words,
 * each with a tab and a description where the shell shows those.
 */
export async function answer([shell = "", ...asked]: readonly string[], context: Context): Promise<number> {
  const isBash = shell === "bash";
  const [breaks = "", line = ""] = asked;
  const words = isBash ? shellWords(line).slice(1) : asked;
  // Who asks for names waits for the agent; all else comes at once.
  const askNames: AskNames = async (thing, given) => (await import("./names.ts")).namesOf(context, thing, given);
  const completion = await complete(words, askNames, !isBash);
  for (const text of isBash ? bashLines(completion, words.at(-1) ?? "", breaks) : describedLines(completion)) context.out(text);
  return 0;
}

function describedLines({ files, candidates }: Completion): string[] {
  const lines = candidates.map(({ word, description }) => (description === undefined ? word : `${word}\t${description}`));
  return [files ? "files" : "words", ...lines];
}

/* To bash a word ends at each of COMP_WORDBREAKS, '=' and ':' among them: it replaces only what comes after the last of them. */
function bashLines({ files, candidates }: Completion, current: string, breaks: string): string[] {
  const kept = Math.max(-1, ...[...breaks].map((mark) => current.lastIndexOf(mark))) + 1;
  return [files ? "files" : "words", ...candidates.map(({ word }) => word.slice(kept))];
}
