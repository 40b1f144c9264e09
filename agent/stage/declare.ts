/** A Dockerfile in which every stage declares variables for its build time. */
export interface Declared {
  text: string;
  /** The line's number in the Dockerfile as it was. */
  lineBefore(line: number): number;
}

const ESCAPE = /^#\s*escape\s*=\s*([\\`])\s*$/i;
const DIRECTIVE = /^#\s*[a-z]+\s*=/i;
const HEREDOC = /(?:^|\s)\d*<<(-?)(["']?)([^\s<"']+)\2(?=\s|$)/g;

/**
 * Declares the variables as ARGs with a default after each FROM: that is how RUN sees them, and the image's config and
 * history have nothing of them. What the image sets itself, or the user gives a value to, stays as it is.
 */
export function declare(dockerfile: string, variables: Readonly<Record<string, string>>): Declared {
  const declaration = `ARG ${Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`;
  const lines = dockerfile.split("\n");
  const ends = new Set(fromLines(lines));
  const text = lines.flatMap((line, index) => (ends.has(index) ? [line, declaration] : [line])).join("\n");
  const declaredAt = [...ends].map((index, before) => index + before + 2);
  return { text, lineBefore: (line) => line - declaredAt.filter((declared) => declared <= line).length };
}

/** The last line of each FROM, from 0. */
function fromLines(lines: readonly string[]): number[] {
  const continues = continuation(lines);
  const ends: number[] = [];
  let instruction = "";
  let heredocs: { tabs: boolean; name: string }[] = [];
  for (const [index, line] of lines.entries()) {
    const [heredoc] = heredocs;
    if (heredoc) {
      const bare = line.replace(/\r$/, "");
      if ((heredoc.tabs ? bare.replace(/^\t+/, "") : bare) === heredoc.name) heredocs = heredocs.slice(1);
      continue;
    }
    // Neither ends what is continued over it.
    if (/^\s*(#|$)/.test(line)) continue;
    instruction += line.replace(continues, " ");
    if (continues.test(line)) continue;
    if (/^\s*FROM\s/i.test(instruction)) ends.push(index);
    if (/^\s*(ONBUILD\s+)?(RUN|COPY|ADD)\s/i.test(instruction))
      heredocs = [...instruction.matchAll(HEREDOC)].map(([, dash, , name = ""]) => ({ tabs: dash === "-", name }));
    instruction = "";
  }
  return ends;
}

/** What a line ends with that goes on in the next one. */
function continuation(lines: readonly string[]): RegExp {
  for (const line of lines) {
    const character = ESCAPE.exec(line.trim())?.[1];
    if (character !== undefined) return character === "`" ? /`\s*$/ : /\\\s*$/;
    if (!DIRECTIVE.test(line.trim())) break;
  }
  return /\\\s*$/;
}
