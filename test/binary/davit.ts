import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The file that `bun run build` makes. */
export const binary = join(import.meta.dir, "../../dist/davit");

export type Ran = { stdout: string; stderr: string; code: number; peakBytes: number };

/** Runs the compiled davit with an environment of its own, so that nothing of the developer's gets in. */
export async function davit(words: readonly string[], options: { cwd: string; env?: Record<string, string> }): Promise<Ran> {
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`bun run build\` first`);
  const env = { PATH: "/usr/bin:/bin", HOME: options.cwd, ...options.env };
  const child = Bun.spawn([binary, ...words], { cwd: options.cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
  }, 20);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearInterval(watch);
  return { stdout, stderr, code, peakBytes };
}

/** The most memory a process had so far. Not the kernel's ru_maxrss: that one begins with what the parent had when it forked. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended meanwhile
  }
}
