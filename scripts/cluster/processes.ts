import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { openSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, readdir, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "./fail.ts";
import type { Layout } from "./layout.ts";

/** A server: `argv[0]` is the path of its binary; `enter` comes before it to lead into a node, or is empty for this machine itself. */
export type Server = { name: string; argv: string[]; enter: string[]; env: Record<string, string | undefined> };

type Record_ = { pid: number; started: string; boot: string; command: string };

/** Starts the server unless it runs already, as it should be. */
export async function ensureRunning(layout: Layout, server: Server): Promise<void> {
  if (await runsAs(layout, server)) return;
  await kill(layout, server.name);
  await start(layout, server);
}

/** Whether it runs with this binary, these flags and the configuration files as they are now. */
export async function runsAs(layout: Layout, server: Server): Promise<boolean> {
  const record = await readRecord(layout, server.name);
  return record !== undefined && isAlive(record) && record.command === commandHash(layout, server);
}

export async function isRunning(layout: Layout, name: string): Promise<number | undefined> {
  const record = await readRecord(layout, name);
  return record && isAlive(record) ? record.pid : undefined;
}

/** Ends it if it is ours: a process id alone proves nothing, it may have been given to another process since. */
export async function kill(layout: Layout, name: string): Promise<void> {
  const record = await readRecord(layout, name);
  if (record && isAlive(record)) {
    signal(record.pid, "SIGTERM");
    for (let waited = 0; waited < 3000 && isAlive(record); waited += 20) await Bun.sleep(20);
    if (isAlive(record)) signal(record.pid, "SIGKILL");
  }
  await rm(recordPath(layout, name), { force: true });
}

/** Throws when the server ended since it was started, with the end of its log. */
export async function assertRunning(layout: Layout, name: string): Promise<void> {
  if (await isRunning(layout, name)) return;
  const log = readFileSync(logPath(layout, name), "utf8").trim().split("\n").slice(-5).join("\n");
  throw new ClusterError(`${name} ended; the last lines of ${logPath(layout, name)}:\n${log}`);
}

/** The processes in a network namespace, told by its inode. */
export async function processesIn(namespaceFile: string): Promise<number[]> {
  const wanted = await stat(namespaceFile).catch(() => undefined);
  if (!wanted) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await readlink(`/proc/${pid}/ns/net`).catch(() => "")) === `net:[${wanted.ino}]` ? [Number(pid)] : [])),
  );
  return found.flat();
}

export async function killAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) signal(pid, "SIGKILL");
  for (let waited = 0; waited < 5000 && pids.some((pid) => startTime(pid) !== undefined); waited += 20) await Bun.sleep(20);
}

async function start(layout: Layout, server: Server): Promise<void> {
  await mkdir(layout.logs, { recursive: true });
  await mkdir(layout.pids, { recursive: true });
  const log = openSync(logPath(layout, server.name), "a");
  const argv = [...server.enter, ...server.argv];
  const child = spawn(argv[0] ?? "", argv.slice(1), { detached: true, stdio: ["ignore", log, log], env: server.env, cwd: "/" });
  const failure = new Promise<never>((_, reject) => child.once("error", reject));
  failure.catch(() => {});
  if (child.pid === undefined) return failure;
  child.unref();
  // nsenter replaces itself by the server: process id and start time stay.
  const record: Record_ = { pid: child.pid, started: startTime(child.pid) ?? "", boot: bootId(), command: commandHash(layout, server) };
  await Bun.write(recordPath(layout, server.name), JSON.stringify(record));
}

/** Another binary behind the same link is another command, and so are other words in its configuration. */
function commandHash(layout: Layout, server: Server): string {
  const files = server.argv.map((argument) => argument.slice(argument.indexOf("=") + 1)).filter((path) => path.startsWith(layout.config));
  const what = [realpathSync(server.argv[0] ?? ""), server.argv, server.enter, files.map((file) => readFileSync(file, "utf8"))];
  return createHash("sha256").update(JSON.stringify(what)).digest("hex").slice(0, 16);
}

const recordPath = (layout: Layout, name: string): string => join(layout.pids, `${name}.json`);
export const logPath = (layout: Layout, name: string): string => join(layout.logs, `${name}.log`);
const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const isAlive = (record: Record_): boolean => record.boot === bootId() && record.started !== "" && startTime(record.pid) === record.started;

async function readRecord(layout: Layout, name: string): Promise<Record_ | undefined> {
  try {
    return (await Bun.file(recordPath(layout, name)).json()) as Record_;
  } catch {
    // Absent, or cut off while it was written: the server's process is then found by its network namespace.
    return undefined;
  }
}

/** In clock ticks since the boot; with the boot's id it makes a process id unique. Zombies count as gone. */
function startTime(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}
