import { ClusterError } from "./fail.ts";

export type RunOptions = { stdin?: string; env?: Record<string, string | undefined>; cwd?: string };
export type Ran = { code: number; out: string; err: string };

/** Runs a program to its end and returns what it said, whatever its exit code; 127, as a shell has it, when there is no such program. */
export async function attempt(command: string[], options: RunOptions = {}): Promise<Ran> {
  if (!Bun.which(command[0] ?? "")) return { code: 127, out: "", err: `${command[0]}: not found` };
  const child = Bun.spawn(command, {
    stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.env ? { env: options.env } : {}),
  });
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, out, err };
}

/** Runs a program that has to succeed. */
export async function run(command: string[], options: RunOptions = {}): Promise<string> {
  const { code, out, err } = await attempt(command, options);
  if (code !== 0) throw new ClusterError(`${command.slice(0, 6).join(" ")} failed (exit ${code}): ${(err || out).trim()}`);
  return out;
}

/** Polls `ready` until it gives a value; the last reason is part of the error. */
export async function waitFor<T>(what: string, seconds: number, ready: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let reason = "";
  for (;;) {
    try {
      const value = await ready();
      if (value !== undefined) return value;
    } catch (error) {
      if (error instanceof ClusterError) throw error;
      reason = ` (${error instanceof Error ? error.message : String(error)})`;
    }
    if (Date.now() > deadline) throw new ClusterError(`${what} did not happen within ${seconds} s${reason}; ./scripts/cluster/status shows more`);
    await Bun.sleep(50);
  }
}
