import { Cli, type CommandClass } from "clipanion";
import type { Context } from "./context.ts";

type Load = () => Promise<CommandClass<Context>>;

/**
 * Every command by its words, in the order of `davit help`. Each is loaded only when it is asked for: clipanion's parser
 * of all of them costs 10 to 20 ms to make, of one of them 1 ms.
 */
const COMMANDS: Readonly<Record<string, Load>> = {
  push: async () => (await import("./commands/push.ts")).PushCommand,
  "app list": async () => (await import("./commands/app/list.ts")).AppListCommand,
  "app show": async () => (await import("./commands/app/show.ts")).AppShowCommand,
  "app logs": async () => (await import("./commands/app/logs.ts")).AppLogsCommand,
  "app delete": async () => (await import("./commands/app/delete.ts")).AppDeleteCommand,
  "namespace create": async () => (await import("./commands/namespace/create.ts")).NamespaceCreateCommand,
  "namespace list": async () => (await import("./commands/namespace/list.ts")).NamespaceListCommand,
  "namespace delete": async () => (await import("./commands/namespace/delete.ts")).NamespaceDeleteCommand,
  login: async () => (await import("./commands/login.ts")).LoginCommand,
  logout: async () => (await import("./commands/logout.ts")).LogoutCommand,
  whoami: async () => (await import("./commands/whoami.ts")).WhoamiCommand,
  install: async () => (await import("./commands/install.ts")).InstallCommand,
  status: async () => (await import("./commands/status.ts")).StatusCommand,
  uninstall: async () => (await import("./commands/uninstall.ts")).UninstallCommand,
  "image save": async () => (await import("./commands/image.ts")).ImageSaveCommand,
  "image push": async () => (await import("./commands/image.ts")).ImagePushCommand,
  version: async () => (await import("./commands/version.ts")).VersionCommand,
};

/** Other ways to say a command. */
const ALIASES: Readonly<Record<string, string>> = { "--version": "version", "-v": "version" };

/** Every command's words. */
export const COMMAND_PATHS: readonly string[] = Object.keys(COMMANDS);

/** The words of the command that `argv` begins with. */
export function commandPath(argv: readonly string[]): string | undefined {
  const [first = "", second = ""] = argv;
  return [`${first} ${second}`, first, ALIASES[first] ?? ""].find((path) => Object.hasOwn(COMMANDS, path));
}

/** The command line as clipanion knows it, with only these commands. */
export async function buildCli(paths: readonly string[] = COMMAND_PATHS): Promise<Cli<Context>> {
  const classes = await Promise.all(paths.flatMap((path) => COMMANDS[path]?.() ?? []));
  return Cli.from<Context>(classes, { binaryName: "davit" });
}
