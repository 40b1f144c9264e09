import { resolve } from "node:path";
import { ConfigurationName, EnvName, Route } from "#shared/app";
import { Fault } from "#shared/fault";
import { checkNamespace } from "../agent-client/namespace.ts";
import { checkTogether, parseDuration, parsePairs, parseWhole } from "../flags.ts";
import type { AppSettings } from "../manifest/merge.ts";
import { readEnvFile } from "./env-file.ts";
import { checkName } from "./name.ts";
import { readSourceFlags, type SourceFlags } from "./source.ts";

/** Of routes and of configurations an app has no more. */
const MOST = 50;

/** The flags of `davit push` as they were typed. */
export interface PushFlags extends SourceFlags {
  /** The one argument: a manifest, or a folder that has one. */
  manifest?: string | undefined;
  name?: string | undefined;
  namespace?: string | undefined;
  route: string[];
  noRoute: boolean;
  env: string[];
  envFile?: string | undefined;
  unsetEnv: string[];
  bind: string[];
  instances?: string | undefined;
  port?: string | undefined;
  buildArg: string[];
  rebuild: boolean;
  yes: boolean;
  dryRun: boolean;
  output: string;
  wait: boolean;
  timeout?: string | undefined;
  attach: boolean;
  verbose: boolean;
}

/** The flags, understood. */
export interface PushSettings {
  app: AppSettings;
  timeoutMs: number | undefined;
}

/**
 * Understands the flags, before anything is asked of the network.
 * @throws Fault usage
 */
export function readSettings(flags: PushFlags, cwd: string): PushSettings {
  checkFlags(flags);
  return {
    app: readApp(flags, cwd),
    timeoutMs: flags.timeout === undefined ? undefined : parseDuration("--timeout", flags.timeout),
  };
}

function checkFlags(flags: PushFlags): void {
  const { attach, dryRun, wait, timeout, output } = flags;
  const whole = "--attach follows a push that runs already, so nothing of it can be changed";
  const changing = {
    "--dry-run": dryRun,
    "--no-wait": !wait,
    "--rebuild": flags.rebuild,
    "--git": flags.git !== undefined,
    "--image": flags.image !== undefined,
    "--route": flags.route.length > 0,
    "--no-route": flags.noRoute,
    "--env": flags.env.length > 0,
    "--env-file": flags.envFile !== undefined,
    "--unset-env": flags.unsetEnv.length > 0,
    "--bind": flags.bind.length > 0,
    "--instances": flags.instances !== undefined,
    "--port": flags.port !== undefined,
    "--build-arg": flags.buildArg.length > 0,
  };
  for (const [flag, given] of Object.entries(changing)) checkTogether({ "--attach": attach, [flag]: given }, whole);
  checkTogether({ "--route": flags.route.length > 0, "--no-route": flags.noRoute }, "the one says where the app answers, the other that it does not");
  checkTogether({ "--no-wait": !wait, "--timeout": timeout !== undefined }, "without waiting there is no time to be up");
  checkTogether({ "--dry-run": dryRun, "-o events": output === "events" }, "nothing happens, so there are no events; use -o json");
}

function readApp(flags: PushFlags, cwd: string): AppSettings {
  const source = readSourceFlags(flags, cwd);
  const env = readEnv(flags, cwd);
  const buildArgs = parsePairs("--build-arg", flags.buildArg, isEnvName);
  return {
    ...(flags.name === undefined ? {} : { name: checkName(flags.name, "--name") }),
    ...(flags.namespace === undefined ? {} : { namespace: checkNamespace(flags.namespace, "--namespace") }),
    ...(source ? { source } : {}),
    ...(flags.route.length > 0 || flags.noRoute ? { routes: readRoutes(flags.route) } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(flags.bind.length > 0 ? { bind: readConfigurations("--bind", flags.bind) } : {}),
    ...(flags.instances === undefined ? {} : { instances: parseWhole("--instances", flags.instances, 0, 100) }),
    ...(flags.port === undefined ? {} : { port: parseWhole("--port", flags.port, 1, 65_535) }),
    ...(Object.keys(buildArgs).length > 0 ? { buildArgs } : {}),
  };
}

/** The variables that flags set and, by null, take away; --env wins over --env-file. @throws Fault usage */
export function readEnv(flags: Pick<PushFlags, "env" | "envFile" | "unsetEnv">, cwd: string): Record<string, string | null> {
  const set = parsePairs("--env", flags.env, isEnvName);
  for (const name of flags.unsetEnv) {
    if (!isEnvName(name)) throw usage("--unset-env", `--unset-env takes a variable's name (letters, digits and '_', not starting with a digit)`);
    checkTogether({ [`--env ${name}`]: Object.hasOwn(set, name), [`--unset-env ${name}`]: true }, "a variable is either there or not");
  }
  return {
    ...(flags.envFile === undefined ? {} : readEnvFile(resolve(cwd, flags.envFile), flags.envFile)),
    ...set,
    ...Object.fromEntries(flags.unsetEnv.map((name) => [name, null])),
  };
}

function isEnvName(name: string): boolean {
  return EnvName.safeParse(name).success;
}

/** @throws Fault usage */
export function readRoutes(texts: readonly string[]): string[] {
  checkCount("--route", texts);
  return texts.map(checkRoute);
}

function checkRoute(text: string): string {
  const parsed = Route.safeParse(text);
  if (parsed.success) return parsed.data;
  throw usage("--route", `--route '${text}' ${parsed.error.issues[0]?.message}, such as shop.example.com or example.com/shop`);
}

/** The configurations that a flag names. @throws Fault usage */
export function readConfigurations(flag: string, names: readonly string[]): string[] {
  checkCount(flag, names);
  return names.map((name) => checkConfiguration(flag, name));
}

function checkCount(flag: string, values: readonly string[]): void {
  if (values.length > MOST) throw usage(flag, `${flag} can be given ${MOST} times at most`);
}

function checkConfiguration(flag: string, name: string): string {
  const parsed = ConfigurationName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw usage(flag, `${flag} '${name}' ${parsed.error.issues[0]?.message}`);
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}
