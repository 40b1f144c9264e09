import { join } from "node:path";
import { start } from "#test/lab";
import { makeApp, pushLive } from "./app.ts";
import type { Bench } from "./bench.ts";
import { kubectl } from "./commands.ts";
import type { Figure } from "./figures.ts";
import { type Answer, SteadyPoller } from "./poller.ts";

const PER_SECOND = 20;
/** Longer than a Pod that is being replaced goes on answering: what its end breaks is seen before the next step. */
const DRAIN_MS = 7000;
const STEPS = ["re-push", "scale", "restart"] as const;
type Step = (typeof STEPS)[number];

interface Cycle {
  failed: Record<Step, number>;
  asked: number;
  /** Answers of the old version to requests made after "live" was printed. */
  stale: number;
}

interface Place {
  name: string;
  namespace: string;
  url: string;
}

/** Requests that fail while an app is pushed again, scaled and restarted: one that listens at once, one that needs 4 s. */
export async function zero(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [what, delayMs] of [
    ["a fast app", 0],
    ["an app that needs 4 s", 4000],
  ] as const) {
    const cycles = await app(bench, what, delayMs);
    const asked = cycles.reduce((sum, cycle) => sum + cycle.asked, 0);
    const note = `${PER_SECOND} requests/s through the ingress, each on a connection of its own, until ${DRAIN_MS / 1000} s after each step; re-push, kubectl scale 1-3-1, kubectl rollout restart`;
    for (const step of STEPS)
      figures.push({
        name: `failed requests, ${what}: ${step}`,
        unit: "requests",
        values: cycles.map(({ failed }) => failed[step]),
        target: 0,
        judge: "worst",
        note,
      });
    figures.push({
      name: `old answers after "live", ${what}`,
      unit: "answers",
      values: cycles.map(({ stale }) => stale),
      target: 0,
      judge: "worst",
    });
    bench.say(`zero: ${what}, ${asked} requests in all`);
  }
  return figures;
}

async function app(bench: Bench, what: string, delayMs: number): Promise<Cycle[]> {
  const space = await bench.tenant("zero");
  const app = makeApp(join(bench.scratch, `zero-${delayMs}`), { files: 10, delayMs });
  const name = space.app("steady");
  const { url } = await bench.attempt("first push", () => pushLive(app.path, name, space.name));
  const place = { name, namespace: space.name, url };
  return await bench.repeat(
    `zero: ${what}`,
    () => cycle(place, app),
    ({ failed, asked, stale }) => `${asked} requests, failed ${JSON.stringify(failed)}, stale ${stale}`,
  );
}

async function cycle(place: Place, app: { path: string; change(): string }): Promise<Cycle> {
  const failed: Record<Step, number> = { "re-push": 0, scale: 0, restart: 0 };
  const answers: Answer[] = [];
  const during = async (step: Step, work: () => Promise<void>) => {
    const seen = await polled(place.url, work);
    failed[step] = seen.filter(({ version }) => version === undefined).length;
    answers.push(...seen);
  };
  const version = app.change();
  let live = Number.POSITIVE_INFINITY;
  await during("re-push", async () => {
    live = await pushUntilPrinted(app.path, place);
  });
  await during("scale", () => scale(place));
  await during("restart", async () => {
    await kubectl("-n", place.namespace, "rollout", "restart", `deployment/${place.name}`);
    await rolledOut(place);
  });
  const stale = answers.filter((answer) => answer.asked > live && answer.version !== undefined && answer.version !== version).length;
  return { failed, asked: answers.length, stale };
}

async function polled(url: string, work: () => Promise<void>): Promise<readonly Answer[]> {
  const poller = new SteadyPoller(url, PER_SECOND);
  try {
    await work();
    await Bun.sleep(DRAIN_MS);
  } finally {
    await poller[Symbol.asyncDispose]();
  }
  return poller.answers;
}

/** Pushes, and tells when the result was printed. */
async function pushUntilPrinted(path: string, { name, namespace }: Place): Promise<number> {
  const child = start(["push", "--path", path, "--name", name, "-n", namespace]);
  let printed = 0;
  let text = "";
  for await (const bytes of child.stdout) {
    printed = performance.now();
    text += Buffer.from(bytes).toString();
  }
  if ((await child.exited) !== 0 || !text.startsWith("live"))
    throw new Error(`the push did not end live: ${await new Response(child.stderr).text()}`);
  return printed;
}

async function scale(place: Place): Promise<void> {
  for (const replicas of [3, 1]) {
    await kubectl("-n", place.namespace, "scale", `deployment/${place.name}`, `--replicas=${replicas}`);
    await rolledOut(place);
    await Bun.sleep(1000);
  }
}

async function rolledOut({ name, namespace }: Place): Promise<void> {
  await kubectl("-n", namespace, "rollout", "status", `deployment/${name}`, "--timeout=120s");
}
