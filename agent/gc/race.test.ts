import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { listRevisions, readEnv } from "../apps.ts";
import { keys } from "../store/keys.ts";
import { type Pushed, startWorld } from "./testing/world.ts";

const APPS = ["a", "b", "c"];
const PUSHES = 12;

test("pushes, rollbacks and garbage collection at the same time: whatever is begun finds all that it needs to its end", async () => {
  await using world = await startWorld({ keepRevisions: 2 });
  const team = await world.tenant("team");
  const { deps, collector } = world;
  // Files that go and come again: what has just been collected is needed anew, by an agent that knew where it was.
  const pool = Array.from({ length: 10 }, () => `${randomUUID()} ${randomUUID().repeat(50)}`);
  const filesOf = (number: number) =>
    Object.fromEntries([...pool.filter((_, index) => (number + index) % 5 === 0), randomUUID()].map((text, index) => [`file-${index}`, text]));

  let pushing = true;
  let nextRun = Promise.withResolvers<void>();
  // Between an order and its being read there is time for all of a collection.
  world.hold = () => nextRun.promise;
  const collecting = (async () => {
    let [runs, collected] = [0, 0];
    for (; pushing; runs++) {
      for await (const { action } of collector.run({ dryRun: false })) if (action === "collect") collected += 1;
      nextRun.resolve();
      nextRun = Promise.withResolvers();
    }
    world.hold = async () => undefined;
    nextRun.resolve();
    return { runs, collected };
  })();
  const check = async ({ revision, image }: Pushed) => {
    expect(await world.pull(image)).toBe(image.split("@")[1] ?? "");
    await readEnv(deps.kube, revision);
  };
  let back = 0;
  const pushAll = async (app: string) => {
    for (let number = 1; number <= PUSHES; number++) {
      await check(await world.push(team, app, filesOf(number)));
      // The oldest that is left may be garbage just now: going back to it works wholly, or is refused.
      const oldest = (await listRevisions(deps.kube, team.name, app)).at(-1)?.spec.number ?? 0;
      const again = await world.rollBack(team, app, oldest);
      if (!again) continue;
      back += 1;
      await check(again);
    }
  };
  try {
    await Promise.all(APPS.map(pushAll));
  } finally {
    pushing = false;
  }
  const { runs, collected } = await collecting;
  expect({ runs: runs > PUSHES, collected: collected > PUSHES * APPS.length, back: back > 0 }).toEqual({ runs: true, collected: true, back: true });

  await Array.fromAsync(collector.run({ dryRun: false }));
  const trees = new Set<string>();
  for (const app of APPS) {
    const kept = await listRevisions(deps.kube, team.name, app);
    expect(kept).toHaveLength(2);
    for (const revision of kept) {
      await Promise.all([world.read(team, revision), world.pull(revision.status?.image ?? "")]);
      if (revision.spec.source.kind === "tree") trees.add(keys.tree(team.uid, revision.spec.source.tree));
    }
  }
  expect(await deps.store.list(keys.tree(team.uid, ""))).toEqual([...trees].sort());
}, 180_000);
