import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { ConfigurationKey, ConfigurationName } from "#shared/app";
import { Fault } from "#shared/fault";
import type { Context } from "../context.ts";
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
    ...flags.pairs.map((text) => keyed("K=V", text)).map(([key, value]): [string, string] => [key, encode(value)]),
    ...flags.fromFile.map((text) => keyed("--from-file K=FILE", text)).map(([key, file]): [string, string] => [key, readValue(cwd, file)]),
    ...(flags.unset ?? []).map((key): [string, null] => [checkKey("--unset", key), null]),
  ];
  const { fromStdin } = flags;
  if (fromStdin !== undefined) named.push([checkKey("--stdin", fromStdin), (await readStdin(context)).toString("base64")]);
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
  throw new Fault("name_invalid", `the configuration name '${name}' ${parsed.error.issues[0]?.message}`, { details: { name } });
}

function keyed(what: string, text: string): [string, string] {
  const cut = text.indexOf("=");
  if (cut < 0) throw usage(`a value is given as ${what}; there is no '=' after '${text.slice(0, 40)}'`);
  return [checkKey(what, text.slice(0, cut)), text.slice(cut + 1)];
}

function checkKey(what: string, key: string): string {
  const parsed = ConfigurationKey.safeParse(key);
  if (parsed.success) return key;
  throw usage(`${what}: the key '${key.slice(0, 40)}' ${parsed.error.issues[0]?.message}`);
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
