import { readFileSync } from "node:fs";
import { Fault } from "#shared/fault";

const ASSIGNMENT = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/;
/** What needs no quotes. */
const PLAIN = /^[\w.,:/@%+=-]*$/;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$", "\n": "" };

/** The variables of a dotenv file. @throws Fault usage naming file and line, never a value */
export function readEnvFile(path: string, shown: string): Record<string, string> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    const why = cause instanceof TypeError ? "is not UTF-8" : `cannot be read (${(cause as NodeJS.ErrnoException).code ?? "?"})`;
    throw new Fault("usage", `--env-file ${shown} ${why}`, { cause, details: { flag: "--env-file" } });
  }
  return parseEnvFile(text, shown);
}

/**
 * dotenv, strictly: `NAME=value`, `#` comments, an optional `export`, 'literal' and "escaped" quotes, which may span lines.
 * Nothing is expanded, and what is not understood is a fault: a variable that silently goes missing is found much later.
 * @throws Fault usage naming file and line, never a value
 */
export function parseEnvFile(source: string, file: string): Record<string, string> {
  const text = source.replace(/\r\n?/g, "\n");
  const env: Record<string, string> = {};
  for (let at = 0; at < text.length; ) {
    const line = lineAt(text, at);
    if (/^\s*(#|$)/.test(line)) {
      at += line.length + 1;
      continue;
    }
    const start = at + line.length - line.trimStart().length;
    const found = ASSIGNMENT.exec(line.trimStart());
    const fail = (why: string): Fault => envFault(file, text, start, why);
    if (!found) throw fail("is not NAME=VALUE");
    const [assignment, name = ""] = found;
    if (name === "__proto__") throw fail("sets __proto__, which no variable can be called");
    if (Object.hasOwn(env, name)) throw fail(`sets ${name} a second time`);
    const value = readValue(text, start + assignment.length, fail);
    env[name] = value.text;
    at = value.end + 1;
  }
  return env;
}

/** Variables as lines that {@link parseEnvFile} reads again as they are. */
export function formatEnv(env: Record<string, string>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${PLAIN.test(value) ? value : quote(value)}`);
}

function quote(value: string): string {
  return `"${value
    .replace(/["\\$]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")}"`;
}

interface Value {
  text: string;
  /** Where the value's last line ends. */
  end: number;
}

function readValue(text: string, at: number, fail: (why: string) => Fault): Value {
  const quote = text[at];
  if (quote !== "'" && quote !== '"') {
    const line = lineAt(text, at);
    return { text: line.replace(/(^|\s)#.*$/, "").trim(), end: at + line.length };
  }
  let value = "";
  for (let index = at + 1; ; index++) {
    const letter = text[index];
    if (letter === undefined) throw fail(`opens a ${quote} that is never closed`);
    if (letter === quote) return { text: value, end: endOfLine(text, index + 1, fail) };
    value += letter === "\\" && quote === '"' ? resolveEscape(text[++index], fail) : letter;
  }
}

function resolveEscape(letter: string | undefined, fail: (why: string) => Fault): string {
  const plain = letter === undefined ? undefined : ESCAPES[letter];
  if (plain === undefined) throw fail(`has the unknown escape '\\${letter ?? ""}' (in "...": \\n \\r \\t \\" \\\\ \\$)`);
  return plain;
}

function endOfLine(text: string, at: number, fail: (why: string) => Fault): number {
  const rest = lineAt(text, at);
  if (!/^\s*(#.*)?$/.test(rest)) throw fail("has text after the closing quote");
  return at + rest.length;
}

function lineAt(text: string, at: number): string {
  const end = text.indexOf("\n", at);
  return text.slice(at, end < 0 ? text.length : end);
}

function envFault(file: string, text: string, at: number, why: string): Fault {
  const line = String(text.slice(0, at).split("\n").length);
  return new Fault("usage", `${file}:${line}: the line ${why}`, { details: { flag: "--env-file", file, line } });
}
