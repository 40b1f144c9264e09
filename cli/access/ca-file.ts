import { readFileSync } from "node:fs";
import { Fault } from "#shared/fault";

/** The certificates (PEM) in the file that --ca-file names. @throws Fault usage */
export function readCaFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Fault("usage", `--ca-file ${file} cannot be read`, { cause, details: { flag: "--ca-file" } });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Fault("usage", `--ca-file ${file} has no PEM certificate in it`, { details: { flag: "--ca-file" } });
}
