import { resolve } from "node:path";
import { ConfigurationName, GitCredential } from "#shared/app";
import { Fault } from "#shared/fault";
import { readCaFile } from "../access/ca-file.ts";
import type { Context } from "../context.ts";
import { readStdin } from "../stdin.ts";

/** The flags of `davit git-credential create`. */
export interface CredentialFlags {
  host?: string | undefined;
  username: string;
  passwordStdin: boolean;
  password?: string | undefined;
  caFile?: string | undefined;
}

/** The name, when it can be a git credential's. @throws Fault usage; it does not show what may be the credential itself */
export function checkCredential(name: string): string {
  const parsed = ConfigurationName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new Fault("usage", `the name of a git credential ${parsed.error.issues[0]?.message}`);
}

/** What the flags and stdin say. @throws Fault usage; it never shows the password */
export async function readCredential(context: Context, { host, username, passwordStdin, password, caFile }: CredentialFlags): Promise<GitCredential> {
  if (password !== undefined) {
    const message =
      "a password on the command line ends in the shell's history and in everyone's list of processes; pipe it: --password-stdin < file";
    throw usage("--password", message);
  }
  if (host === undefined) throw usage("--host", "for which server is it? --host HOST names the one that it is sent to");
  if (!passwordStdin) throw usage("--password-stdin", "where is the password or access token? --password-stdin reads it");
  const ca = caFile === undefined ? undefined : readCaFile(resolve(context.cwd, caFile));
  if (context.isTTY) context.err("paste the password or access token, then press Enter and Ctrl-D:");
  const secret = (await readStdin(context)).toString("utf8");
  if (secret === "") throw usage("--password-stdin", "nothing came on stdin, so there is no password");
  const parsed = GitCredential.safeParse({ host, username, password: secret, ...(ca ? { ca } : {}) });
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0] ?? { path: [], message: "is not valid" };
  const flag = { host: "--host", username: "--username", password: "--password-stdin", ca: "--ca-file" }[String(path[0])] ?? "--host";
  throw usage(flag, `${flag} ${message}`);
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}
