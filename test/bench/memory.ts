import { randomFillSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, start } from "#test/lab";
import { makeApp } from "./app.ts";
import type { Bench } from "./bench.ts";
import { measure, run } from "./commands.ts";
import type { Figure } from "./figures.ts";
import { agentProcess, forgetPeak, peakOf, residentMb } from "./resident.ts";

const MIB = 1 << 20;
const SOURCE_MIB = 1024;
const FILE_MIB = 16;
const CLIENTS = 4;
const STAGING = 10;
/** The data is only there to be sent: the image has none of it. */
const DOCKERFILE = "FROM oven/bun:1\nWORKDIR /app\nCOPY server.ts version.txt ./\n";
const SLOW_DOCKERFILE = `${DOCKERFILE}RUN sleep 60\n`;
const IDLE_MS = 3000;

interface Loaded {
  peak: number;
  staging: number;
  seconds: number;
}

/** Memory of the command line and of the agent while much is sent. */
export async function memory(bench: Bench): Promise<Figure[]> {
  const idle = await bench.repeat(
    "agent idle",
    async () => {
      await Bun.sleep(IDLE_MS);
      return residentMb(await agentProcess(), "VmRSS");
    },
    mb,
  );
  const space = await bench.tenant("memory");
  const cli = await bench.repeat("CLI pushing 1 GiB", (run) => cliPeak(bench, space.name, space.app(`big-${run}-${Date.now() % 1e6}`)), mb);
  const loaded = await bench.repeat(
    "agent receiving 1 GiB",
    (run) => agentPeak(bench, space.name, `${run}-${Date.now() % 1e6}`),
    ({ peak, staging, seconds }) => `${mb(peak)}; ${staging} of ${STAGING} pushes staged all the while, ${seconds.toFixed(1)} s`,
  );
  return [
    { name: "CLI: RSS pushing 1 GiB", unit: "MB", values: cli, target: 200, note: "its peak (VmHWM); incompressible data in files of 16 MiB" },
    { name: "agent: RSS idle", unit: "MB", values: idle, target: 150 },
    {
      name: "agent: RSS receiving 1 GiB",
      unit: "MB",
      values: loaded.map(({ peak }) => peak),
      target: 250,
      note: `its peak (VmHWM) while ${CLIENTS} clients send 256 MiB each at once and ${STAGING} other pushes stage`,
    },
    { name: "  seconds until all had sent", unit: "ms", values: loaded.map(({ seconds }) => seconds * 1000) },
  ];
}

const mb = (value: number): string => `${value.toFixed(0)} MB`;

/** Returns when the revision is accepted: all has been sent then. What it would build is not of interest, so the app goes. */
async function cliPeak(bench: Bench, namespace: string, name: string): Promise<number> {
  const path = makeData(join(bench.scratch, "data-0"), SOURCE_MIB);
  const child = start(["push", "--path", path, "--name", name, "-n", namespace, "--no-wait"]);
  const peak = await peakOf(child);
  if ((await child.exited) !== 0) throw new Error(`the push failed: ${await new Response(child.stderr).text()}`);
  await run([BINARY, "app", "delete", name, "-n", namespace, "--yes"]);
  return peak;
}

async function agentPeak(bench: Bench, namespace: string, id: string): Promise<Loaded> {
  const small = Array.from({ length: STAGING }, (_, at) => `small-${at}-${id}`);
  const large = Array.from({ length: CLIENTS }, (_, at) => `large-${at}-${id}`);
  const sources = large.map((_, at) => makeData(join(bench.scratch, `data-${at}`), SOURCE_MIB / CLIENTS));
  try {
    await Promise.all(
      small.map((name) => sendOnly(makeApp(join(bench.scratch, name), { files: 10, dockerfile: SLOW_DOCKERFILE }).path, name, namespace)),
    );
    const pid = await agentProcess();
    forgetPeak(pid);
    const began = performance.now();
    await Promise.all(large.map((name, at) => sendOnly(sources[at] ?? "", name, namespace)));
    const seconds = (performance.now() - began) / 1000;
    return { peak: residentMb(pid, "VmHWM"), staging: await stagingCount(namespace, small), seconds };
  } finally {
    await measure([BINARY, "app", "delete", ...small, ...large, "-n", namespace, "--yes"]);
  }
}

async function sendOnly(path: string, name: string, namespace: string): Promise<void> {
  await run([BINARY, "push", "--path", path, "--name", name, "-n", namespace, "--no-wait"]);
}

async function stagingCount(namespace: string, names: readonly string[]): Promise<number> {
  const { stdout } = await run([BINARY, "app", "list", "-n", namespace, "-o", "json"]);
  const apps = JSON.parse(stdout) as { name: string; status: string }[];
  return apps.filter(({ name, status }) => names.includes(name) && status === "staging").length;
}

/** A source of that many MiB that nobody has seen before and that cannot be compressed. */
function makeData(path: string, mib: number): string {
  makeApp(path, { files: 3, dockerfile: DOCKERFILE });
  mkdirSync(join(path, "data"), { recursive: true });
  const bytes = Buffer.allocUnsafe(FILE_MIB * MIB);
  for (let at = 0; at < mib / FILE_MIB; at++) writeFileSync(join(path, "data", `${at}.bin`), randomFillSync(bytes));
  return path;
}
