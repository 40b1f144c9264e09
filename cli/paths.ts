import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

type Env = Record<string, string | undefined>;

/** The folder of what the user set up: `$XDG_CONFIG_HOME/davit`, `~/.config/davit`, on Windows `%APPDATA%\davit`. */
export function configDir(env: Env): string {
  return join(env.XDG_CONFIG_HOME || env.APPDATA || join(home(env), ".config"), "davit");
}

/** The folder of what may be deleted at any time: `$XDG_CACHE_HOME/davit`, `~/.cache/davit`, on Windows `%LOCALAPPDATA%\davit\cache`. */
export function cacheDir(env: Env): string {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "davit");
  return env.LOCALAPPDATA ? join(env.LOCALAPPDATA, "davit", "cache") : join(home(env), ".cache", "davit");
}

/** The folder for what goes when the command ends: `$TMPDIR`, else the system's. */
export function tempDir(env: Env): string {
  return env.TMPDIR || tmpdir();
}

/** The user's home folder. */
export function home(env: Env): string {
  return env.HOME || homedir();
}
