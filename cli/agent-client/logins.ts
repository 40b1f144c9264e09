import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Fault } from "#shared/fault";
import { configDir } from "../paths.ts";

/** How one server is logged in to: a token, or a command that prints one. `ca` is PEM text. */
const Login = z.object({
  token: z.string().optional(),
  tokenCommand: z.string().optional(),
  ca: z.string().optional(),
  namespace: z.string().optional(),
});
export type Login = z.infer<typeof Login>;

const Logins = z.object({ current: z.string().nullable(), servers: z.record(z.string(), Login) });
export type Logins = z.infer<typeof Logins>;

/** The file of the user's logins. */
export function loginsFile(env: Record<string, string | undefined>): string {
  return join(configDir(env), "logins.json");
}

/**
 * The logins in `file`; none when there is no such file.
 * @throws Fault not_logged_in when it is there and cannot be used: to guess another way to the agent would be worse
 */
export function loadLogins(file: string): Logins {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { current: null, servers: {} };
    throw new Fault("not_logged_in", `the logins in ${file} cannot be read`, { cause });
  }
  try {
    return Logins.parse(JSON.parse(text));
  } catch (cause) {
    throw new Fault("not_logged_in", `the logins in ${file} are damaged; delete the file and log in again`, { cause });
  }
}

/** Replaces the logins in one step; only their owner can read them. */
export function saveLogins(file: string, logins: Logins): void {
  const draft = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(draft, `${JSON.stringify(logins, null, 2)}\n`, { mode: 0o600 });
    // A draft left by a killed run keeps its old mode.
    chmodSync(draft, 0o600);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Replaces the CA of a stored login, unless somebody else did so meanwhile. */
export function keepCa(file: string, server: string, ca: { from: string | undefined; to: string | undefined }): void {
  const logins = loadLogins(file);
  const login = logins.servers[server];
  if (!login || login.ca !== ca.from) return;
  const { ca: _, ...rest } = login;
  saveLogins(file, { ...logins, servers: { ...logins.servers, [server]: ca.to === undefined ? rest : { ...rest, ca: ca.to } } });
}

/**
 * A server's address as its login is filed: https unless said otherwise, no slash at the end. `what` names the argument.
 * @throws Fault usage for what is no address, and for plain HTTP to another machine
 */
export function serverUrl(what: string, text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "")
    throw new Fault("usage", `${what} has to be a server's address, such as https://davit.example.com`);
  if (url.username || url.password || url.search || url.hash)
    throw new Fault("usage", `${what} has to be a server's address, such as https://davit.example.com: a host and a path, nothing more`);
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new Fault("usage", `${what}: ${url.origin} is plain HTTP, so others could read the token on its way; use https`);
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}
