import { rmSync } from "node:fs";
import { join } from "node:path";
import { FILES, makeApp, type Pushed, pushLive, VOLUME_MS } from "./app.ts";
import type { Bench } from "./bench.ts";
import { type Figure, phaseFigures } from "./figures.ts";
import { ask } from "./poller.ts";

interface FirstRun {
  total: number;
  /** Of the total, what is not kaniko's and not the app's own start. */
  overhead: number;
  unchanged: number;
  phases: Record<string, number>;
}

/** First pushes of apps that the agent has never seen, and pushes without a change. */
export async function push(bench: Bench): Promise<Figure[]> {
  const space = await bench.tenant("push");
  const runs = await bench.repeat(
    "first push",
    (run) => firstRun(bench, space.name, space.app(`first-${run}-${Date.now() % 1e6}`)),
    ({ total, overhead, unchanged, phases }) =>
      `${Math.round(total)} ms, overhead ${Math.round(overhead)} ms, unchanged ${Math.round(unchanged)} ms (${JSON.stringify(phases)})`,
  );
  return [
    {
      name: "first push",
      unit: "ms",
      values: runs.map(({ total }) => total),
      target: 8000,
      note: `an app of ${FILES} files, another each time, none of whose files the agent has seen; until davit push has ended`,
    },
    {
      name: "  of which the platform's",
      unit: "ms",
      values: runs.map(({ overhead }) => overhead),
      target: 6000,
      note: "without the phase stage (kaniko) and the time from the app's process start until it listened",
    },
    ...phaseFigures("first", runs),
    {
      name: "unchanged push",
      unit: "ms",
      values: runs.map(({ unchanged }) => unchanged),
      target: 700,
      note: "all of the first push done, the volume it gets afterwards included",
    },
  ];
}

async function firstRun(bench: Bench, namespace: string, name: string): Promise<FirstRun> {
  const app = makeApp(join(bench.scratch, name));
  const first = await timedPush(app.path, name, namespace, "live");
  const boot = Number((await ask(`${first.url}/boot`)).version ?? 0);
  const { phases } = first.result;
  await Bun.sleep(VOLUME_MS);
  const unchanged = await timedPush(app.path, name, namespace, "unchanged");
  rmSync(app.path, { recursive: true, force: true });
  return { total: first.ms, overhead: first.ms - (phases.stage ?? 0) - boot, unchanged: unchanged.ms, phases };
}

async function timedPush(path: string, name: string, namespace: string, outcome: "live" | "unchanged"): Promise<Pushed & { ms: number }> {
  const began = performance.now();
  return { ...(await pushLive(path, name, namespace, outcome)), ms: performance.now() - began };
}
