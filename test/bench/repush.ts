import { join } from "node:path";
import { PHASES } from "#shared/app";
import type { PushResult } from "#shared/push-event";
import { encodeTree } from "#shared/tree";
import { readSource } from "../../cli/source/read-source.ts";
import { type BenchApp, FILES, makeApp, pushLive, VOLUME_MS } from "./app.ts";
import { BarePipeline, type BareRun } from "./bare.ts";
import type { Bench } from "./bench.ts";
import { kubectl } from "./commands.ts";
import type { Figure } from "./figures.ts";
import { firstSeen } from "./poller.ts";

/** Between pushes, so that none pays for the end of the one before. */
const SETTLE_MS = 1500;

interface DavitRun {
  /** Until the new version answered, as the poller saw it, and until davit said so. */
  seen: number;
  live: number;
  result: PushResult;
}
interface Both {
  davit: DavitRun;
  bare: BareRun & { seen: number };
}

/** Re-pushes of one changed file, each followed by the same change through the bare pipeline. */
export async function repush(bench: Bench): Promise<Figure[]> {
  const space = await bench.tenant("repush");
  const name = space.app("shop");
  const app = makeApp(join(bench.scratch, "repush"));
  bench.say("repush: setting up both pipelines");
  const { url } = await bench.attempt("first push", () => pushLive(app.path, name, space.name));
  const bare = await BarePipeline.beside({ name, namespace: space.name, url, folder: app.path });
  await Bun.sleep(VOLUME_MS);
  const push = () => davitRun(app, url, name, space.name);
  await bench.attempt("warm-up", push);
  const runs = await bench.repeat(
    "repush",
    async (): Promise<Both> => {
      const davit = await push();
      await Bun.sleep(SETTLE_MS);
      const measured = await bareRun(bare, app.change());
      await Bun.sleep(SETTLE_MS);
      return { davit, bare: measured };
    },
    ({ davit, bare }) => `davit ${Math.round(davit.seen)} ms (${phasesOf(davit)}), bare ${Math.round(bare.total)} ms`,
  );
  const cold = await bench.repeat(
    "cold repush",
    async () => {
      await kubectl("-n", "davit-staging", "delete", "job", "-l", `davit.dev/namespace=${space.name}`, "--wait", "--cascade=foreground");
      return await push();
    },
    (davit) => `${Math.round(davit.seen)} ms (${phasesOf(davit)})`,
  );
  return [...timeFigures(runs, cold), ...phaseFigures(runs), await byteFigure(bench, app, runs)];
}

async function davitRun(app: BenchApp, url: string, name: string, namespace: string): Promise<DavitRun> {
  const version = app.change();
  const began = performance.now();
  const pushing = pushLive(app.path, name, namespace).then(({ result }) => ({ result, at: performance.now() }));
  const [{ result, at }, seen] = await Promise.all([pushing, firstSeen(url, version)]);
  return { seen: seen - began, live: at - began, result };
}

async function bareRun(bare: BarePipeline, version: string): Promise<BareRun & { seen: number }> {
  await bare.change(version);
  const began = performance.now();
  const [measured, seen] = await Promise.all([bare.run(version), firstSeen(bare.url, version)]);
  return { ...measured, seen: seen - began };
}

function phasesOf({ result }: DavitRun): string {
  return PHASES.flatMap((phase) => (result.phases[phase] === undefined ? [] : [`${phase} ${Math.round(result.phases[phase])}`])).join(", ");
}

function timeFigures(runs: readonly Both[], cold: readonly DavitRun[]): Figure[] {
  const ratio = (of: (run: Both) => number) => runs.map((run) => of(run));
  return [
    {
      name: "re-push of one file / bare pipeline",
      unit: "x",
      values: ratio(({ davit, bare }) => davit.seen / bare.total),
      target: 0.8,
      note: `an app of ${FILES} files; davit until an independent poller (10 ms) had the new version's answer, its staging Pod waiting since the push before; the bare pipeline (kubectl apply of a fresh kaniko Job on a ready volume, wait, set image, rollout status, curl) until curl had it; alternating, the poller running beside both`,
    },
    {
      name: "  the same, both until the poller saw it",
      unit: "x",
      values: ratio(({ davit, bare }) => davit.seen / bare.seen),
      note: "stricter: kubectl rollout status tells later than the new version answers",
    },
    { name: "  davit until the new version answers", unit: "ms", values: runs.map(({ davit }) => davit.seen) },
    { name: '  davit until "live" is printed', unit: "ms", values: runs.map(({ davit }) => davit.live) },
    { name: "  davit, no staging Pod waiting", unit: "ms", values: cold.map(({ seen }) => seen) },
    { name: "  bare pipeline until curl has it", unit: "ms", values: runs.map(({ bare }) => bare.total) },
    { name: "  bare: Job applied, until complete", unit: "ms", values: runs.map(({ bare }) => bare.build) },
    { name: "  bare: set image, rollout, curl", unit: "ms", values: runs.map(({ bare }) => bare.setImage + bare.rollout + bare.curl) },
    { name: "  bare pipeline until the poller saw it", unit: "ms", values: runs.map(({ bare }) => bare.seen) },
  ];
}

/** Where davit's time goes; what no phase accounts for is the process's start and the requests between phases. */
function phaseFigures(runs: readonly Both[]): Figure[] {
  const phases = PHASES.filter((phase) => runs.every(({ davit }) => davit.result.phases[phase] !== undefined));
  const times = phases.map(
    (phase): Figure => ({ name: `  davit: ${phase}`, unit: "ms", values: runs.map(({ davit }) => davit.result.phases[phase] ?? 0) }),
  );
  const rest = runs.map(({ davit }) => davit.live - phases.reduce((sum, phase) => sum + (davit.result.phases[phase] ?? 0), 0));
  return [...times, { name: "  davit: between the phases", unit: "ms", values: rest }];
}

async function byteFigure(bench: Bench, app: BenchApp, runs: readonly Both[]): Promise<Figure> {
  const { entries } = await readSource({ path: app.path, cacheDir: join(bench.scratch, "tree") });
  const file = entries.find(({ path }) => path === "version.txt");
  const manifest = Buffer.byteLength(encodeTree(entries));
  const size = file?.kind === "file" ? file.size : 0;
  return {
    name: "bytes sent for one changed file",
    unit: "bytes",
    values: runs.map(({ davit }) => davit.result.sent.bytes),
    target: Math.floor(size + manifest * 0.02),
    judge: "worst",
    note: `the file has ${size} bytes, the tree's manifest ${manifest}; sent: the bodies of all requests that bring the source, as the result's sent.bytes says`,
  };
}
