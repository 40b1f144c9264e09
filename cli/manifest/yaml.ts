import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit, type YAMLError, type YAMLMap } from "yaml";

export type Path = readonly PropertyKey[];

/** Something wrong, and where: an offset in the text. */
export interface Problem {
  at: number;
  why: string;
}

/** A file that is YAML. Documents in which nothing is written are left out. */
export interface Yaml {
  documents: YamlDocument[];
  /** What keeps it from being read; then there are no documents. */
  problem?: Problem;
  /** Line and column of an offset, from 1. */
  placeOf(at: number): { line: number; col: number };
}

export interface YamlDocument {
  /** Every scalar is the text that is written there: `1.10` is not 1.1, and `no` is not false. */
  value: unknown;
  /** Where the value at `path`, or its key, is written; for what is missing, where that would have to be. */
  find(path: Path, part: "key" | "value"): number;
}

const MOST_ALIASES = 100;

/** Reads `text`. Its words never quote a value, which may be a secret. */
export function readYaml(text: string): Yaml {
  const lines = new LineCounter();
  const parsed = parse(text, lines).filter((document) => !isEmpty(document));
  const problem = parsed.flatMap((document) => problemOf(document) ?? [])[0];
  return {
    documents: problem ? [] : parsed.map((document) => ({ value: document.toJS(), find: (path, part) => find(document, path, part) })),
    ...(problem ? { problem } : {}),
    placeOf: (at) => lines.linePos(at),
  };
}

/* That no key comes twice is seen to by keyProblem: the parser compares each with each, which takes seconds for some thousands. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed[] {
  return [...parseAllDocuments(text, { schema: "failsafe", uniqueKeys: false, prettyErrors: false, lineCounter, logLevel: "error" })];
}

function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.source === ""));
}

function problemOf(document: Document.Parsed): Problem | undefined {
  const error = document.errors[0] ?? document.warnings.find(({ code }) => code === "TAG_RESOLVE_FAILED");
  if (error) return { at: error.pos[0], why: words(error) };
  let problem: Problem | undefined;
  let aliases = 0;
  const note = (found: Problem | undefined) => {
    problem ??= found;
    return problem && visit.BREAK;
  };
  visit(document, {
    Map: (_, map) => note(keyProblem(map)),
    Alias: (_, alias) => {
      aliases += 1;
      // Counted first, because each is looked for in the whole document.
      if (aliases > MOST_ALIASES) return note({ at: start(alias), why: `there are more than ${MOST_ALIASES} aliases` });
      return note(
        alias.resolve(document) ? undefined : { at: start(alias), why: "'*' refers to nothing before it; a text that begins with '*' needs quotes" },
      );
    },
  });
  return problem ?? expansionProblem(document);
}

function keyProblem({ items }: YAMLMap): Problem | undefined {
  const keys = new Set<string>();
  for (const { key } of items) {
    if (!isScalar(key)) return { at: start(key), why: "a key has to be a text" };
    const name = String(key.value);
    if (name === "__proto__") return { at: start(key), why: "the key '__proto__' cannot be used" };
    if (keys.has(name)) return { at: start(key), why: `the key '${name}' is here a second time` };
    keys.add(name);
  }
  return undefined;
}

/* A few lines of aliases can stand for gigabytes, which the parser refuses to make of them. */
function expansionProblem(document: Document.Parsed): Problem | undefined {
  try {
    document.toJS();
    return undefined;
  } catch (error) {
    if (error instanceof ReferenceError) return { at: start(document.contents), why: "its aliases repeat too much" };
    throw error;
  }
}

/* The parser's words where they are plain and quote nothing. */
function words({ code, message }: YAMLError): string {
  switch (code) {
    case "TAB_AS_INDENT":
      return "a tab cannot indent: use spaces";
    case "TAG_RESOLVE_FAILED":
      return "davit knows no tags; a text that begins with '!' needs quotes";
    case "BAD_DQ_ESCAPE":
      return "double quotes around a '\\' that YAML does not know; single quotes take it as it is";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a mapping within a value; a text with ': ' in it needs quotes";
    case "UNEXPECTED_TOKEN":
      return "something that YAML does not allow here";
    case "RESOURCE_EXHAUSTION":
      return "nested too deeply";
    default:
      return message.slice(0, 1).toLowerCase() + message.slice(1);
  }
}

function find(document: Document.Parsed, path: Path, part: "key" | "value"): number {
  let node: unknown = document.contents;
  let at = start(node);
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!pair) return at;
      node = pair.value;
      at = start(part === "key" && index === path.length - 1 ? pair.key : (pair.value ?? pair.key));
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      at = start(node);
    }
  }
  return at;
}

function start(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
