import type { Cli, Command } from "clipanion";
import { VERSION } from "#shared/version";
import type { Context } from "./context.ts";

/** Runs one command line in `context`. Returns the exit code; never throws, never exits. */
export async function runCli(argv: readonly string[], context: Context): Promise<number> {
  try {
    if (isVersion(argv)) {
      context.out(`davit ${VERSION}`);
      return 0;
    }
    if (argv[0] === "__complete") {
      const { answer } = await import("./completion/answer.ts");
      return await answer(argv.slice(1), context);
    }
    const topic = helpTopic(argv);
    if (topic) return await help(topic, context);
    const { buildCli, commandPath } = await import("./cli.ts");
    const path = commandPath(argv);
    const cli = path === undefined ? undefined : await buildCli([path]);
    const command = cli ? await understand(cli, argv, context) : new Error("no such command");
    if (command instanceof Error) return await complain(command, argv, context);
    return (await cli?.run(command, context)) ?? 1;
  } catch (error) {
    // A command's own errors are reported by the command: what comes here is a bug outside of all of them.
    const { reportError } = await import("./report/fault.ts");
    return reportError(context, error, { json: wantsJson(argv), verbose: true });
  }
}

/* Scripts and shell prompts ask this often: without clipanion the answer takes half as long. */
function isVersion(argv: readonly string[]): boolean {
  return argv.length === 1 && ["version", "--version", "-v"].includes(argv[0] ?? "");
}

async function understand(cli: Cli<Context>, argv: readonly string[], context: Context): Promise<Command<Context> | Error> {
  try {
    const command = cli.process(unbound(argv), context);
    if (argv.some((word) => word === "" || word.endsWith("="))) {
      const { checkEmpty } = await import("./report/usage.ts");
      checkEmpty(argv, cli.definitions());
    }
    return command;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** clipanion takes no `--s3-bucket=NAME`, for the digit in it, but `--s3-bucket NAME`. */
function unbound(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.flatMap((word, index) => {
    const [, name, value] = (end < 0 || index < end) && /\d/.test(word) ? (/^(--[a-z]+\d[a-z0-9-]*)=(.*)$/s.exec(word) ?? []) : [];
    return name === undefined || value === undefined ? [word] : [name, value];
  });
}

async function complain(error: Error, argv: readonly string[], context: Context): Promise<number> {
  const [{ usageFault }, { reportError }, { buildCli }] = await Promise.all([
    import("./report/usage.ts"),
    import("./report/fault.ts"),
    import("./cli.ts"),
  ]);
  return reportError(context, usageFault(error, argv, (await buildCli()).definitions()), { json: wantsJson(argv), verbose: false });
}

/** What help is wanted about: the words after `help`, or those beside `--help`. Nothing at all asks for help too. */
function helpTopic(argv: readonly string[]): string[] | undefined {
  if (argv.length === 0) return [];
  if (argv[0] === "help") return argv.slice(1).filter((word) => !word.startsWith("-"));
  const end = argv.indexOf("--");
  const words = end < 0 ? argv : argv.slice(0, end);
  return words.some((word) => word === "-h" || word === "--help") ? words.filter((word) => !word.startsWith("-")) : undefined;
}

async function help(topic: string[], context: Context): Promise<number> {
  const [{ commandHelp, overview }, { findCommand, usageFault }, { buildCli, commandPath }] = await Promise.all([
    import("./report/help.ts"),
    import("./report/usage.ts"),
    import("./cli.ts"),
  ]);
  const path = commandPath(topic);
  const definitions = (await buildCli(path === undefined ? undefined : [path])).definitions();
  const { definition, group } = findCommand(topic, definitions);
  if (!definition && group.length === 0) {
    const { reportError } = await import("./report/fault.ts");
    return reportError(context, usageFault(undefined, topic, definitions), { json: false, verbose: false });
  }
  for (const line of definition ? commandHelp(definition) : overview(group)) context.out(line);
  return 0;
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === "--output=json" || word === "-o=json" || (word === "json" && (argv[index - 1] === "-o" || argv[index - 1] === "--output")),
  );
}
