import { Fault } from "#shared/fault";
import { Secret } from "#shared/secret";
import type { Login } from "./logins.ts";

/** Where the token of each request comes from. */
export interface Tokens {
  get(): Promise<Secret>;
  /** A token that is not the rejected one; undefined where there is no other. */
  renew(): Promise<Secret | undefined>;
}

/** The tokens of a login: the stored one, or what its command prints, which is run once and again after a rejection. */
export function loginTokens(login: Login, signal: AbortSignal): Tokens {
  const { token, tokenCommand } = login;
  if (tokenCommand === undefined) {
    return {
      get: async () => {
        if (token === undefined) throw new Fault("not_logged_in", "the login has no token");
        return new Secret(token);
      },
      renew: async () => undefined,
    };
  }
  let printed: Promise<Secret> | undefined;
  const get = () => (printed ??= runTokenCommand(tokenCommand, signal));
  return {
    get,
    renew: () => {
      printed = undefined;
      return get();
    },
  };
}

/**
 * The first line that the command prints.
 * @throws Fault token_rejected when it fails or prints nothing
 */
async function runTokenCommand(command: string, signal: AbortSignal): Promise<Secret> {
  const shell = process.platform === "win32" ? ["cmd", "/c", command] : ["/bin/sh", "-c", command];
  const child = Bun.spawn(shell, { stdin: "ignore", stdout: "pipe", stderr: "pipe", signal });
  const [printed, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const token = printed.trim().split("\n")[0]?.trim() ?? "";
  if (code !== 0)
    throw new Fault(
      "token_rejected",
      `the login's token command failed with exit code ${code}: ${complaint.trim().slice(-300) || "it said nothing"}`,
    );
  if (token === "") throw new Fault("token_rejected", "the login's token command printed nothing");
  return new Secret(token);
}
