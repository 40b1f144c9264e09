import { readdir, readFile } from "node:fs/promises";
import { aborted } from "./aborted.ts";
import type { Log } from "./log.ts";

/** Kubelet brings a changed Secret into the Pod within about a minute; looking more often than that costs a small read. */
const LOOK_MS = 5000;

/**
 * `davit agent reload FILE`: tells the programs beside it that were started with this file that it has changed, by SIGHUP,
 * until `signal` aborts. For servers whose image has nobody else who could.
 */
export async function runReload(file: string, options: { signal: AbortSignal; log: Log; lookMs?: number }): Promise<void> {
  const { signal, log, lookMs = LOOK_MS } = options;
  // What a program read at its start may be older than what is here now, so the first look tells it too.
  let told: string | undefined;
  const look = async () => {
    const content = await readFile(file, "utf8");
    if (content === told) return;
    const programs = await startedWith(file);
    for (const pid of programs) process.kill(pid, "SIGHUP");
    if (programs.length === 0) return;
    told = content;
    log("a file was taken anew", { file, programs: programs.length });
  };
  const guarded = () => look().catch((error) => log("a changed file could not be told of", { file, error }));
  await guarded();
  const timer = setInterval(guarded, lookMs);
  await aborted(signal);
  clearInterval(timer);
}

async function startedWith(file: string): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return pids.filter((_, index) => lines[index]?.split("\0").includes(file));
}
