import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { Fault } from "#shared/fault";
import { certificatesIn, fingerprintOf, parseFingerprint } from "#shared/tls/certificate";
import { connectByLogin } from "../agent-client/connect.ts";
import { type Login, loadLogins, loginsFile, saveLogins, serverUrl } from "../agent-client/logins.ts";
import { checkNamespace } from "../agent-client/namespace.ts";
import type { Context } from "../context.ts";
import { checkTogether } from "../flags.ts";
import { readCaFile } from "./ca-file.ts";
import { type GivenCa, trustedCa } from "./trusted-ca.ts";

/** The flags of `davit login`. */
export interface LoginFlags {
  url: string;
  tokenStdin: boolean;
  tokenCommand?: string | undefined;
  token?: string | undefined;
  caFile?: string | undefined;
  fingerprint?: string | undefined;
  namespace?: string | undefined;
}

/** Who the agent says the user is, and which agent; `ca` are the fingerprints of what the login trusts, null: what the machine trusts. */
export interface Who {
  user: string;
  groups: string[];
  server: string;
  ca: string[] | null;
}

/** Stores a login that works, and makes it the current one. @throws Fault when the agent does not accept it; then nothing is stored */
export async function login(context: Context, flags: LoginFlags): Promise<Who> {
  checkFlags(flags);
  const server = serverUrl("URL", flags.url);
  const file = loginsFile(context.env);
  const logins = loadLogins(file);
  const before = logins.servers[server];
  const namespace = flags.namespace === undefined ? before?.namespace : checkNamespace(flags.namespace, "--namespace");
  // Before the token, so that a question comes while stdin can still be typed at.
  let ca = await trustedCa(context, server, { given: givenCa(context, flags), known: before?.ca });
  const entry: Login = {
    ...(ca === undefined ? {} : { ca }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(await credential(context, flags)),
  };
  const { once } = connectByLogin(context, server, entry, ({ to }) => {
    ca = to;
  });
  const { user, groups } = await once.whoami({});
  const { ca: _, ...rest } = entry;
  saveLogins(file, { current: server, servers: { ...logins.servers, [server]: ca === undefined ? rest : { ...rest, ca } } });
  return { user, groups, server, ca: ca === undefined ? null : certificatesIn(ca).map(fingerprintOf) };
}

function checkFlags({ token, tokenStdin, tokenCommand, caFile, fingerprint }: LoginFlags): void {
  if (token !== undefined) {
    throw new Fault(
      "usage",
      "a token on the command line ends in the shell's history and in everyone's list of processes; pipe it: --token-stdin < token-file",
      {
        details: { flag: "--token" },
      },
    );
  }
  checkTogether({ "--token-stdin": tokenStdin, "--token-command": tokenCommand !== undefined }, "a login has one token");
  checkTogether({ "--ca-file": caFile !== undefined, "--fingerprint": fingerprint !== undefined }, "either says whom to trust");
  if (!tokenStdin && tokenCommand === undefined)
    throw new Fault("usage", "where is the token? --token-stdin reads it, --token-command CMD runs a command that prints it");
}

function givenCa(context: Context, { caFile, fingerprint }: LoginFlags): GivenCa {
  if (caFile !== undefined) return { ca: readCaFile(resolve(context.cwd, caFile)) };
  if (fingerprint === undefined) return {};
  const parsed = parseFingerprint(fingerprint);
  if (parsed !== undefined) return { fingerprint: parsed };
  throw new Fault("usage", "--fingerprint takes SHA256: and 64 hex digits, as `davit status` shows them", { details: { flag: "--fingerprint" } });
}

async function credential(context: Context, flags: LoginFlags): Promise<Login> {
  if (flags.tokenCommand !== undefined) return { tokenCommand: flags.tokenCommand };
  if (context.isTTY) context.err("paste the token, then press Enter and Ctrl-D:");
  const parts: Buffer[] = [];
  for await (const part of addAbortSignal(context.signal, context.stdin)) parts.push(Buffer.from(part));
  const token = Buffer.concat(parts).toString("utf8").trim();
  if (token === "") throw new Fault("usage", "nothing came on stdin, so there is no token", { details: { flag: "--token-stdin" } });
  // What is not printable ASCII cannot travel in a header.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new Fault("usage", "what came on stdin is no token: it has spaces or more than one line", { details: { flag: "--token-stdin" } });
  return { token };
}

/** Forgets a login, the current one unless another is named. Returns its server. @throws Fault not_logged_in */
export function logout(context: Pick<Context, "env">, url: string | undefined): string {
  const file = loginsFile(context.env);
  const { current, servers } = loadLogins(file);
  const server = url === undefined ? current : serverUrl("URL", url);
  if (server === null || !servers[server])
    throw new Fault("not_logged_in", server === null ? "there is no current login" : `there is no login for ${server}`);
  const { [server]: _, ...others } = servers;
  saveLogins(file, { current: current === server ? null : current, servers: others });
  return server;
}
