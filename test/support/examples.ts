import { chmodSync } from "node:fs";
import { join } from "node:path";
import { buildCli, commandPath } from "#cli/cli";
import { shellWords } from "#cli/completion/shell-words";

/*
 * What `davit help COMMAND` shows as examples is typed by people as it stands, so tests type it too: each example is run,
 * at the place that has what it needs.
 */

/**
 * Where an example is run. `agent`: one in memory (test/unit/examples.test.ts). `control-plane`: a Kubernetes without nodes
 * (cli/install/install.test.ts). `binary`: the compiled file and a registry (test/binary/examples.test.ts). `cluster`: one
 * with davit in it (test/e2e/examples.test.ts).
 */
export type Place = "agent" | "control-plane" | "binary" | "cluster";

/** Of commands of which the examples need more than an agent. */
const PLACES: Readonly<Record<string, Place>> = {
  "app exec": "cluster",
  "app port-forward": "cluster",
  doctor: "cluster",
  login: "cluster",
  migrate: "cluster",
  install: "control-plane",
  status: "control-plane",
  rotate: "cluster",
  uninstall: "control-plane",
  "image push": "binary",
  "image save": "binary",
};

/** The examples of every command, in the order of `davit help`. */
export const examples = (await buildCli()).definitions().flatMap(({ examples: own = [] }) => own.map(([, line]) => line));

/** Those that are run at a place. */
export function examplesAt(place: Place): string[] {
  return examples.filter((line) => (line.includes(" --context ") ? "cluster" : (PLACES[exampleOf(line) ?? ""] ?? "agent")) === place);
}

/** The command that a line is an example of. */
export function exampleOf(line: string): string | undefined {
  return commandPath(davitWords(line));
}

/** The words that a shell gives to davit: without what its output goes to, or its input comes from. */
export function davitWords(line: string): string[] {
  const [own = ""] = /\bdavit [^|<>)]*/.exec(line) ?? [];
  return shellWords(own.trim()).slice(1);
}

/** A folder in which `davit` is this source, for a shell's PATH. */
export async function sourceAsDavit(folder: string): Promise<string> {
  const file = join(folder, "davit");
  await Bun.write(file, `#!/bin/sh\nexec ${process.execPath} ${join(import.meta.dir, "..", "..", "cli", "main.ts")} "$@"\n`);
  chmodSync(file, 0o755);
  return folder;
}

interface LineOptions {
  /** The folder in which `davit` is. */
  bin: string;
  cwd: string;
  stdin?: string;
  env?: Record<string, string>;
}

/** Starts a line in a shell whose `davit` is the one in `bin`. The shell becomes davit, so that a signal reaches it. */
export function startLine(line: string, { bin, cwd, stdin, env = {} }: LineOptions) {
  const PATH = `${bin}:${process.env.PATH}`;
  return Bun.spawn(["/bin/sh", "-c", line.replace(/^davit /, "exec davit ")], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env, PATH },
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs a line to its end. */
export async function runLine(line: string, options: LineOptions) {
  const child = startLine(line, options);
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, stdout, stderr };
}
