import { join } from "node:path";
import { BINARY } from "#test/lab";
import { makeApp, pushLive } from "./app.ts";
import type { Bench } from "./bench.ts";
import { kubectl, run } from "./commands.ts";
import type { Figure } from "./figures.ts";
import { firstSeen } from "./poller.ts";
import { copyWorkload } from "./workload.ts";

/** Between rollbacks, so that none pays for the Pods that the one before is still ending. */
const SETTLE_MS = 6500;
/** Of each, a repetition: kubelet looks once a second, so that a single one is mostly luck. */
const TIMES = 4;
const COPY = "plain";

interface Both {
  davit: number;
  kubectl: number;
}

/** Rollbacks of an app, each followed by `kubectl rollout undo` of the same images in a Deployment of the bench's own. */
export async function rollback(bench: Bench): Promise<Figure[]> {
  const space = await bench.tenant("rollback");
  const name = space.app("shop");
  const app = makeApp(join(bench.scratch, "rollback"), { files: 10 });
  const push = () => bench.attempt("push", () => pushLive(app.path, name, space.name));
  const versions = [app.change()];
  const first = await push();
  versions.push(app.change());
  const second = await push();
  const url = first.url.replace(`//${name}.`, `//${COPY}-${name}.`);
  await copyWorkload(name, { name: COPY, namespace: space.name, url, image: first.result.image ?? "" });
  await kubectl("-n", space.name, "set", "image", `deployment/${COPY}`, `app=${second.result.image}`);
  await kubectl("-n", space.name, "rollout", "status", `deployment/${COPY}`, "--timeout=120s");
  // Either goes back and forth between the two.
  let serving = 1;
  const runs = await bench.repeat(
    "rollback",
    async (): Promise<Both> => {
      const sum: Both = { davit: 0, kubectl: 0 };
      for (let time = 0; time < TIMES; time++) {
        serving = 1 - serving;
        const version = versions[serving] ?? "";
        await Bun.sleep(SETTLE_MS);
        sum.davit += await timed(first.url, version, [BINARY, "app", "rollback", name, "-n", space.name]);
        await Bun.sleep(SETTLE_MS);
        sum.kubectl += await timed(url, version, ["kubectl", "-n", space.name, "rollout", "undo", `deployment/${COPY}`]);
      }
      return { davit: sum.davit / TIMES, kubectl: sum.kubectl / TIMES };
    },
    ({ davit, kubectl }) => `davit ${Math.round(davit)} ms, kubectl rollout undo ${Math.round(kubectl)} ms`,
  );
  return [
    {
      name: "app rollback / kubectl rollout undo",
      unit: "x",
      values: runs.map(({ davit, kubectl }) => davit / kubectl),
      target: 1.2,
      note: "from the command's start until an independent poller (10 ms) had the old version's answer; the same two images, the same Pods, alternating; a value is the mean of 4",
    },
    { name: "  app rollback", unit: "ms", values: runs.map(({ davit }) => davit) },
    { name: "  kubectl rollout undo", unit: "ms", values: runs.map(({ kubectl }) => kubectl) },
  ];
}

async function timed(url: string, version: string, command: string[]): Promise<number> {
  const began = performance.now();
  const [seen] = await Promise.all([firstSeen(url, version), run(command)]);
  return seen - began;
}
