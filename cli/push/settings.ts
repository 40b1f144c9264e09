import { resolve } from "node:path";
import { EnvName, type PushRequest, Route } from "#shared/app";
import { Fault } from "#shared/fault";
import { checkTogether, parseDuration, parsePairs, parseWhole } from "../flags.ts";
import { readEnvFile } from "./env-file.ts";

/** The flags of `davit push` as they were typed. */
export interface PushFlags {
  name?: string | undefined;
  path?: string | undefined;
  namespace?: string | undefined;
  route: string[];
  env: string[];
  envFile?: string | undefined;
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

/** The flags, understood. `request` lacks only the source. */
export interface PushSettings {
  root: string;
  request: Omit<PushRequest, "source">;
  timeoutMs: number | undefined;
}

/**
 * Understands the flags, before anything is asked of the network.
 * @throws Fault usage
 */
export function readSettings(flags: PushFlags, cwd: string): PushSettings {
  checkFlags(flags);
  return {
    root: resolve(cwd, flags.path ?? "."),
    request: readRequest(flags, cwd),
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
    "--route": flags.route.length > 0,
    "--env": flags.env.length > 0,
    "--env-file": flags.envFile !== undefined,
    "--instances": flags.instances !== undefined,
    "--port": flags.port !== undefined,
    "--build-arg": flags.buildArg.length > 0,
  };
  for (const [flag, given] of Object.entries(changing)) checkTogether({ "--attach": attach, [flag]: given }, whole);
  checkTogether({ "--no-wait": !wait, "--timeout": timeout !== undefined }, "without waiting there is no time to be up");
  checkTogether({ "--dry-run": dryRun, "-o events": output === "events" }, "nothing happens, so there are no events; use -o json");
}

function readRequest(flags: PushFlags, cwd: string): Omit<PushRequest, "source"> {
  const env = {
    ...(flags.envFile === undefined ? {} : readEnvFile(resolve(cwd, flags.envFile), flags.envFile)),
    ...parsePairs("--env", flags.env, (name) => EnvName.safeParse(name).success),
  };
  const buildArgs = parsePairs("--build-arg", flags.buildArg, (name) => EnvName.safeParse(name).success);
  return {
    ...(flags.route.length > 0 ? { routes: flags.route.map(checkRoute) } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(flags.instances === undefined ? {} : { instances: parseWhole("--instances", flags.instances, 0, 100) }),
    ...(flags.port === undefined ? {} : { port: parseWhole("--port", flags.port, 1, 65_535) }),
    ...(Object.keys(buildArgs).length > 0 ? { buildArgs } : {}),
    ...(flags.rebuild ? { rebuild: true } : {}),
  };
}

function checkRoute(text: string): string {
  const parsed = Route.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new Fault("usage", `--route '${text}' ${parsed.error.issues[0]?.message}, such as shop.example.com or example.com/shop`, {
    details: { flag: "--route" },
  });
}
