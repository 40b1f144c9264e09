import type { Cli, CommandClass } from "clipanion";
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
  "app open": async () => (await import("./commands/app/open.ts")).AppOpenCommand,
  "app revisions": async () => (await import("./commands/app/revisions.ts")).AppRevisionsCommand,
  "app rollback": async () => (await import("./commands/app/rollback.ts")).AppRollbackCommand,
  "app restage": async () => (await import("./commands/app/restage.ts")).AppRestageCommand,
  "app update": async () => (await import("./commands/app/update.ts")).AppUpdateCommand,
  "app scale": async () => (await import("./commands/app/scale.ts")).AppScaleCommand,
  "app restart": async () => (await import("./commands/app/restart.ts")).AppRestartCommand,
  "app stop": async () => (await import("./commands/app/stop.ts")).AppStopCommand,
  "app start": async () => (await import("./commands/app/start.ts")).AppStartCommand,
  "app env list": async () => (await import("./commands/app/env/list.ts")).AppEnvListCommand,
  "app env set": async () => (await import("./commands/app/env/set.ts")).AppEnvSetCommand,
  "app env unset": async () => (await import("./commands/app/env/unset.ts")).AppEnvUnsetCommand,
  "app exec": async () => (await import("./commands/app/exec.ts")).AppExecCommand,
  "app port-forward": async () => (await import("./commands/app/port-forward.ts")).AppPortForwardCommand,
  "app delete": async () => (await import("./commands/app/delete.ts")).AppDeleteCommand,
  "configuration create": async () => (await import("./commands/configuration/create.ts")).ConfigurationCreateCommand,
  "configuration update": async () => (await import("./commands/configuration/update.ts")).ConfigurationUpdateCommand,
  "configuration show": async () => (await import("./commands/configuration/show.ts")).ConfigurationShowCommand,
  "configuration list": async () => (await import("./commands/configuration/list.ts")).ConfigurationListCommand,
  "configuration bind": async () => (await import("./commands/configuration/bind.ts")).ConfigurationBindCommand,
  "configuration unbind": async () => (await import("./commands/configuration/unbind.ts")).ConfigurationUnbindCommand,
  "configuration delete": async () => (await import("./commands/configuration/delete.ts")).ConfigurationDeleteCommand,
  "git-credential create": async () => (await import("./commands/git-credential/create.ts")).GitCredentialCreateCommand,
  "git-credential list": async () => (await import("./commands/git-credential/list.ts")).GitCredentialListCommand,
  "git-credential delete": async () => (await import("./commands/git-credential/delete.ts")).GitCredentialDeleteCommand,
  "manifest show": async () => (await import("./commands/manifest/show.ts")).ManifestShowCommand,
  "namespace create": async () => (await import("./commands/namespace/create.ts")).NamespaceCreateCommand,
  "namespace list": async () => (await import("./commands/namespace/list.ts")).NamespaceListCommand,
  "namespace delete": async () => (await import("./commands/namespace/delete.ts")).NamespaceDeleteCommand,
  login: async () => (await import("./commands/login.ts")).LoginCommand,
  logout: async () => (await import("./commands/logout.ts")).LogoutCommand,
  whoami: async () => (await import("./commands/whoami.ts")).WhoamiCommand,
  install: async () => (await import("./commands/install.ts")).InstallCommand,
  migrate: async () => (await import("./commands/migrate.ts")).MigrateCommand,
  gc: async () => (await import("./commands/gc.ts")).GcCommand,
  rotate: async () => (await import("./commands/rotate.ts")).RotateCommand,
  status: async () => (await import("./commands/status.ts")).StatusCommand,
  doctor: async () => (await import("./commands/doctor.ts")).DoctorCommand,
  uninstall: async () => (await import("./commands/uninstall.ts")).UninstallCommand,
  "image save": async () => (await import("./commands/image.ts")).ImageSaveCommand,
  "image push": async () => (await import("./commands/image.ts")).ImagePushCommand,
  completion: async () => (await import("./commands/completion.ts")).CompletionCommand,
  version: async () => (await import("./commands/version.ts")).VersionCommand,
};

/** Other ways to say a command. */
const ALIASES: Readonly<Record<string, string>> = { "--version": "version", "-v": "version" };

/** Every command's words. */
export const COMMAND_PATHS: readonly string[] = Object.keys(COMMANDS);

/** The words of the command that `argv` begins with. */
export function commandPath(argv: readonly string[]): string | undefined {
  const [first = "", second = "", third = ""] = argv;
  return [`${first} ${second} ${third}`, `${first} ${second}`, first, ALIASES[first] ?? ""].find((path) => Object.hasOwn(COMMANDS, path));
}

/** The command line as clipanion knows it, with only these commands. */
export async function buildCli(paths: readonly string[] = COMMAND_PATHS): Promise<Cli<Context>> {
  const [{ Cli }, ...classes] = await Promise.all([import("clipanion"), ...paths.flatMap((path) => COMMANDS[path]?.() ?? [])]);
  return Cli.from<Context>(classes, { binaryName: "davit" });
}
