import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Fault } from "#shared/fault";
import type { Context } from "../context.ts";

/** The content of a file that a flag names. @throws Fault usage, without anything that was read */
export function textOf({ cwd }: Pick<Context, "cwd">, flag: string, file = ""): string {
  try {
    return readFileSync(resolve(cwd, file), "utf8");
  } catch (cause) {
    throw usage(flag, `${flag} ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? "?"})`, cause);
  }
}

/** The PEM in the file; undefined and empty, which means none, stay as they are. @throws Fault usage */
export function certificateIn(context: Pick<Context, "cwd">, flag: string, file: string | undefined): string | undefined {
  if (file === undefined || file === "") return file;
  const text = textOf(context, flag, file);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usage(flag, `${flag} ${file} has no PEM certificate in it`);
}

export function usage(flag: string, message: string, cause?: unknown): Fault {
  return new Fault("usage", message, { cause, details: { flag } });
}
