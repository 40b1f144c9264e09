import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigurationKey, ConfigurationName } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Context } from "../context.ts";
import { quoteName } from "../flags.ts";
import { readEnvFile } from "../push/env-file.ts";
import { readStdin } from "../stdin.ts";

/** What a configuration can hold in all; a larger file is not even read. */
const MAX_BYTES = 1024 * 1024;

/** Where the values of a configuration come from, as it was typed. */
export interface ValueFlags {
  pairs: readonly string[];
  fromFile: readonly string[];
  envFile?: string | undefined;
  fromStdin?: string | undefined;
  unset?: readonly string[];
}

/** Values as they travel: base64, null for one that is taken away. */
export type Values = Record<string, string | null>;

/**
 * The values that a command line names. All but those of an env file are named one by one there, so each of them wins
 * over the env file, and none may be named twice.
 * @throws Fault usage, configuration_too_large; never showing a value
 */
export async function readValues(context: Pick<Context, "cwd" | "signal" | "stdin">, flags: ValueFlags): Promise<Values> {
  const { cwd } = context;
  const named: [string, string | null][] = [
    ...flags.pairs.map(keyed("K=V")).map(([key, value]): [string, string] => [key, encode(value)]),
    ...flags.fromFile.map(keyed("--from-file K=FILE")).map(([key, file]): [string, string] => [key, readValue(cwd, file)]),
    ...(flags.unset ?? []).map((key): [string, null] => [checkKey(key, "the key of --unset"), null]),
  ];
  const { fromStdin } = flags;
  if (fromStdin !== undefined) named.push([checkKey(fromStdin, "the key of --stdin"), (await readStdin(context)).toString("base64")]);
  const keys = named.map(([key]) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw usage(`${twice} is named twice`);
  const listed = flags.envFile === undefined ? {} : readEnvFile(resolve(cwd, flags.envFile), flags.envFile);
  return { ...Object.fromEntries(Object.entries(listed).map(([key, value]) => [key, encode(value)])), ...Object.fromEntries(named) };
}

/** A name that a configuration can have. @throws Fault name_invalid */
export function checkConfiguration(name: string): string {
  const parsed = ConfigurationName.safeParse(name);
  if (parsed.success) return name;
  throw new Fault("name_invalid", `the configuration name ${quoteName(name)} ${parsed.error.issues[0]?.message}`);
}

/** Takes the arguments of one kind apart. Faults say which of them is wrong by its number: what was typed may be a value. */
function keyed(what: string): (text: string, index: number) => [string, string] {
  return (text, index) => {
    const cut = text.indexOf("=");
    if (cut < 0) throw usage(`a value is given as ${what}; number ${index + 1} has no '='`);
    return [checkKey(text.slice(0, cut), `a value is given as ${what}; the key of number ${index + 1}`), text.slice(cut + 1)];
  };
}

function checkKey(key: string, what: string): string {
  const parsed = ConfigurationKey.safeParse(key);
  if (parsed.success) return key;
  throw usage(`${what} ${parsed.error.issues[0]?.message}`);
}

function readValue(cwd: string, file: string): string {
  try {
    const { size } = statSync(resolve(cwd, file));
    if (size > MAX_BYTES) throw new Fault("configuration_too_large", `${file} has ${size} bytes; a configuration holds at most ${MAX_BYTES}`);
    return readFileSync(resolve(cwd, file)).toString("base64");
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("usage", `--from-file: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "?"})`, { cause });
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}

function usage(message: string): Fault {
  return new Fault("usage", message);
}
