import { expect, test } from "bun:test";
import type { GarbageItem } from "#shared/garbage";
import { davit, loggedIn } from "#test/cli";

const digest = "0123456789ab".padEnd(64, "c");
const GARBAGE: GarbageItem[] = [
  { what: "revision", ref: "apps/shop-1", action: "collect", why: "its app has 10 that are newer", bytes: 1200 },
  { what: "image", ref: `apps/shop@sha256:${digest}`, action: "collect", why: "no kept revision is made of it", bytes: null },
  { what: "layers", ref: "3 of the registry", action: "collect", why: "no image is made of them", bytes: 3_000_000 },
  { what: "revision", ref: "apps/shop-2", action: "keep", why: "it serves", bytes: 900 },
];

async function ready() {
  const world = await loggedIn();
  world.agent.garbage.push(...structuredClone(GARBAGE));
  const run = (argv: string[]) => davit(world.home, ["gc", ...argv]);
  return { ...world, run };
}

const TABLE = [
  "WHAT      NAME                            SIZE  WHY",
  "revision  apps/shop-1                   1.2 kB  its app has 10 that are newer",
  "image     apps/shop@sha256:0123456789ab      -  no kept revision is made of it",
  "layers    3 of the registry             3.0 MB  no image is made of them",
  "",
];

test("says what was taken and why; a dry run says it before", async () => {
  await using world = await ready();
  const dry = await world.run(["--dry-run"]);
  expect(squeeze(dry.out)).toEqual([...TABLE, "would free 3.0 MB; nothing was changed"].map((line) => line.replace(/ +/g, " ")));
  expect(world.agent.garbage).toHaveLength(4);
  const done = await world.run([]);
  expect([squeeze(done.out).at(-1), done.code]).toEqual(["freed 3.0 MB", 0]);
  expect(world.agent.garbage.map(({ ref }) => ref)).toEqual(["apps/shop-2"]);
  expect((await world.run([])).out).toBe("there is no garbage\n");
});

/** Lines without what only aligns them. */
const squeeze = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));

test("-o json has every digest whole", async () => {
  await using world = await ready();
  const { out } = await world.run(["--dry-run", "-o", "json"]);
  expect(JSON.parse(out)).toEqual({ dryRun: true, bytes: 3_001_200, items: GARBAGE.slice(0, 3), refused: [] });
});

test("what an external registry refuses to delete is counted, with the reason and what to do", async () => {
  await using world = await ready();
  const left = ["d", "e"].map((name) => ({
    what: "image",
    ref: `apps/${name}@sha256:${digest}`,
    action: "refused" as const,
    why: "it deletes nothing",
    bytes: null,
  }));
  world.agent.garbage.splice(0, Infinity, ...left);
  const { out, code } = await world.run([]);
  expect([squeeze(out), code]).toEqual([
    ["garbage that stays in the registry:", " 2 images: it deletes nothing", expect.stringContaining("next: let davit's login delete")],
    0,
  ]);
  expect(JSON.parse((await world.run(["-o", "json"])).out)).toEqual({ dryRun: false, bytes: 0, items: [], refused: left });
});

test("--explain tells of what is kept too, by any part of its name", async () => {
  await using world = await ready();
  expect(squeeze((await world.run(["--explain", "shop-2"])).out)).toEqual(["WHAT NAME SIZE IS WHY", "revision apps/shop-2 900 B kept it serves"]);
  expect(squeeze((await world.run(["--explain", "0123456789ab"])).out)[1]).toStartWith("image apps/shop@sha256:0123456789ab - garbage");
  const none = await world.run(["--explain", "nothing"]);
  expect([none.code, none.err]).toEqual([3, expect.stringContaining("ref_not_found")]);
});

test("what does not go together, or is no namespace, is refused", async () => {
  await using world = await ready();
  expect((await world.run(["--dry-run", "--explain", "x"])).code).toBe(2);
  expect((await world.run(["-n", "No"])).code).toBe(2);
  expect((await world.run(["-n", "other", "--dry-run"])).out).toBe("there is no garbage\n");
  expect(world.agent.garbage).toHaveLength(4);
});
