/** What opens a URL on each system; elsewhere it is xdg-open, which needs somebody's desktop. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = { darwin: ["open"], win32: ["rundll32", "url.dll,FileProtocolHandler"] };

/** Opens the URL in the user's browser, if there is one; that is not waited for. Tells whether there is. */
export function openInBrowser(url: string, env: Record<string, string | undefined>, platform: NodeJS.Platform = process.platform): boolean {
  const opener = OPENERS[platform] ?? (env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER ? ["xdg-open"] : []);
  const [program, ...args] = opener;
  // Some openers open files and run programs as well: the URL is the agent's to say.
  const found = program === undefined || !/^https?:\/\//.test(url) ? null : Bun.which(program, { PATH: env.PATH ?? "" });
  if (found === null) return false;
  Bun.spawn([found, ...args, url], { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" }).unref();
  return true;
}
