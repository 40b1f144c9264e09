import { resolve } from "node:path";
import { EnvName } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Context } from "../context.ts";
import { parsePairs } from "../flags.ts";
import { readStdin } from "../stdin.ts";
import { readEnvFile } from "./env-file.ts";

/** What `davit app env set` is given. */
interface VariableFlags {
  pairs: readonly string[];
  envFile?: string | undefined;
  fromStdin?: string | undefined;
}

/** The variables to set. @throws Fault usage; it never shows a value */
export async function readVariables(
  context: Pick<Context, "cwd" | "signal" | "stdin">,
  { pairs, envFile, fromStdin }: VariableFlags,
): Promise<Record<string, string>> {
  const env = {
    ...(envFile === undefined ? {} : readEnvFile(resolve(context.cwd, envFile), envFile)),
    ...parsePairs("K=V", pairs, isVariable),
  };
  if (fromStdin !== undefined) env[checkVariable("--stdin", fromStdin)] = (await readStdin(context)).toString();
  if (Object.keys(env).length > 0) return env;
  throw new Fault("usage", "there is nothing to set: give K=V, --env-file FILE or --stdin K");
}

/** The name, when it can be a variable's. @throws Fault usage; it does not show what may be a value */
export function checkVariable(flag: string, name: string): string {
  if (isVariable(name)) return name;
  const why = name.includes("=") ? ", without a '=' and a value" : "";
  throw new Fault("usage", `${flag} is a variable's name${why} (letters, digits and '_', not starting with a digit)`, { details: { flag } });
}

function isVariable(name: string): boolean {
  return EnvName.safeParse(name).success;
}
