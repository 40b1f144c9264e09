import { describe, expect, test } from "bun:test";
import type { PackedChunk } from "#shared/pack";
import type { RevisionFacts, TenantFacts } from "./facts.ts";
import { judgeOrphans } from "./orphan-policy.ts";
import { judgeTenant, packJudge, type Verdict } from "./policy.ts";

const NOW = Date.parse("2026-06-01T12:00:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const revision = (number: number, more: Partial<RevisionFacts> = {}): RevisionFacts => ({
  app: "shop",
  number,
  at: NOW - 10 * DAY + number * HOUR,
  ended: true,
  live: true,
  pods: number,
  image: `team/shop@i${number}`,
  tree: `t${number}`,
  ...more,
});
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

function tenant(more: Partial<TenantFacts> = {}): TenantFacts {
  return {
    now: NOW,
    namespace: "team",
    keepRevisions: 3,
    apps: [{ name: "shop", serving: 5, images: [] }],
    revisions: [],
    repositories: [],
    trees: [],
    offers: [],
    records: [],
    secrets: [],
    ...more,
  };
}

/** What is kept and what is not, in words. */
function told<T>(verdicts: readonly Verdict<T>[], name: (of: T) => unknown): Record<string, string> {
  return Object.fromEntries(verdicts.map(({ of, keep, why }) => [String(name(of)), `${keep ? "kept" : "gone"}: ${why}`]));
}

describe("revisions", () => {
  const judged = (revisions: RevisionFacts[], more: Partial<TenantFacts> = {}) =>
    told(judgeTenant(tenant({ revisions, ...more })).revisions, ({ number }) => number);
  const kept = (all: Record<string, string>) => Object.keys(all).filter((number) => all[number]?.startsWith("kept"));

  test("the newest that were live stay", () => {
    expect(judged(numbers(1, 5).map((number) => revision(number)))).toEqual({
      5: "kept: it serves",
      4: "kept: it is one of the newest 3 that were live",
      3: "kept: it is one of the newest 3 that were live",
      2: "gone: its app has 3 that are newer",
      1: "gone: its app has 3 that are newer",
    });
  });

  test.each<[string, RevisionFacts[], number | undefined, string[]]>([
    [
      "failures do not push out what can be gone back to",
      [...numbers(1, 5).map((n) => revision(n)), ...numbers(6, 12).map((n) => revision(n, { live: false }))],
      5,
      ["3", "4", "5", "10", "11", "12"],
    ],
    ["what serves stays, however old", numbers(1, 9).map((n) => revision(n)), 2, ["2", "7", "8", "9"]],
    ["that whose Pods others run in stays with them", [revision(1), ...numbers(2, 9).map((n) => revision(n, { pods: 1 }))], 9, ["1", "7", "8", "9"]],
    ["an app that never was live keeps its newest tries", numbers(1, 5).map((n) => revision(n, { live: false })), undefined, ["3", "4", "5"]],
    [
      "all stay while one is under way",
      [...numbers(1, 8).map((n) => revision(n)), revision(9, { ended: false, live: false })],
      8,
      numbers(1, 9).map(String),
    ],
    ["few are all kept", [revision(1), revision(2)], 2, ["1", "2"]],
  ])("%s", (_, revisions, serving, expected) => {
    const apps = [{ name: "shop", images: [], ...(serving === undefined ? {} : { serving }) }];
    expect(kept(judged(revisions, { apps }))).toEqual(expected);
  });

  test("of an app that is gone none stays, and another's are its own matter", () => {
    const all = [revision(1, { app: "old", ended: false }), revision(1)];
    expect(told(judgeTenant(tenant({ revisions: all })).revisions, ({ app }) => app)).toEqual({
      old: "gone: its app is gone",
      shop: "kept: it is one of the newest 3 that were live",
    });
  });

  test("to clean up after a deletion nothing of the others is too old", () => {
    expect(
      kept(
        judged(
          numbers(1, 30).map((number) => revision(number)),
          { keepRevisions: Number.POSITIVE_INFINITY },
        ),
      ),
    ).toHaveLength(30);
  });
});

describe("images", () => {
  const image = (digest: string, usedAt = NOW) => ({ digest, tags: [], usedAt, bytes: 1 });
  const judged = (more: Partial<TenantFacts>) => told(judgeTenant(tenant(more)).images, ({ repository, digest }) => `${repository}@${digest}`);
  const revisions = numbers(1, 5).map((number) => revision(number));

  test("those of kept revisions stay, whoever's repository they lie in, and those that run", () => {
    const other = revision(1, { app: "copy", image: "team/shop@i2" });
    expect(
      judged({
        apps: [
          { name: "shop", serving: 5, images: ["team/shop@odd"] },
          { name: "copy", serving: 1, images: [] },
        ],
        revisions: [...revisions, other],
        repositories: [{ name: "team/shop", images: ["i1", "i2", "i5", "odd", "by-hand"].map((name) => image(name)) }],
      }),
    ).toEqual({
      "team/shop@i1": "gone: no kept revision is made of it",
      "team/shop@i2": "kept: revision 1 of 'copy' is made of it",
      "team/shop@i5": "kept: revision 5 of 'shop' is made of it",
      "team/shop@odd": "kept: 'shop' runs it",
      "team/shop@by-hand": "gone: no kept revision is made of it",
    });
  });

  test("one that another app's push asks for by its tag stays before its digest is known there", () => {
    const asking = revision(1, { app: "copy", image: "team/shop:1", ended: false });
    const repositories = [
      {
        name: "team/shop",
        images: [
          { ...image("i1"), tags: ["1"] },
          { ...image("i2"), tags: ["2"] },
        ],
      },
    ];
    expect(judged({ apps: [...tenant().apps, { name: "copy", images: [] }], revisions: [...revisions, asking], repositories })).toEqual({
      "team/shop@i1": "kept: revision 1 of 'copy' is made of it",
      "team/shop@i2": "gone: no kept revision is made of it",
    });
  });

  test("a rollback keeps the image that it went back to", () => {
    const back = revision(9, { image: "team/shop@i1" });
    const verdicts = judged({ revisions: [...revisions, back], repositories: [{ name: "team/shop", images: [image("i1"), image("i2")] }] });
    expect(verdicts).toEqual({ "team/shop@i1": "kept: revision 9 of 'shop' is made of it", "team/shop@i2": "gone: no kept revision is made of it" });
  });

  test("a build may have made one that its revision does not know of yet", () => {
    const repositories = [
      { name: "team/shop", images: [image("fresh")] },
      { name: "team/shop/cache", images: [image("old", 0)] },
    ];
    const why = "kept: a push of its app is under way";
    expect(judged({ revisions: [...revisions, revision(6, { ended: false })], repositories })).toEqual({
      "team/shop@fresh": why,
      "team/shop/cache@old": why,
    });
  });

  test("cached layers stay as long as the kept revisions' builds used them, and kaniko takes them", () => {
    const oldest = revision(3).at;
    const images = [image("taken", oldest + 1), image("left", oldest - 1)];
    expect(judged({ revisions, repositories: [{ name: "team/shop/cache", images }] })).toEqual({
      "team/shop/cache@taken": "kept: a build has used it lately",
      "team/shop/cache@left": "gone: no build has used it since revision 3, the oldest that is kept",
    });
    const asleep = [revision(1, { at: NOW - 40 * DAY })];
    expect(judged({ revisions: asleep, repositories: [{ name: "team/shop/cache", images: [image("stale", NOW - 15 * DAY)] }] })).toEqual({
      "team/shop/cache@stale": "gone: no build has used it for 14 days",
    });
  });

  test("an app that is gone leaves none", () => {
    const repositories = ["team/old", "team/old/cache"].map((name) => ({ name, images: [image("x")] }));
    expect(judged({ repositories })).toEqual({ "team/old@x": "gone: its app is gone", "team/old/cache@x": "gone: its app is gone" });
  });
});

describe("sources", () => {
  const tree = (id: string) => ({ id, bytes: 1 });

  test("trees of kept revisions and of uploads that go on stay", () => {
    const verdicts = judgeTenant(
      tenant({
        revisions: numbers(1, 5).map((number) => revision(number)),
        trees: ["t1", "t4", "offered", "given-up", "nobodys"].map(tree),
        offers: [
          { tree: "offered", at: NOW - 23 * HOUR },
          { tree: "given-up", at: NOW - 25 * HOUR },
        ],
      }),
    );
    expect(told(verdicts.trees, ({ id }) => id)).toEqual({
      t1: "gone: no kept revision is built from it",
      t4: "kept: it is the source of revision 4 of 'shop'",
      offered: "kept: it was offered within a day, and its push may come",
      "given-up": "gone: no kept revision is built from it",
      nobodys: "gone: no kept revision is built from it",
    });
    expect(verdicts.offers.map(({ keep }) => keep)).toEqual([true, false]);
  });

  test("a staging Pod may be reading the tree of a push under way, and of one that was ordered within the hour", () => {
    const order = (number: number, at: number, app = "shop") => ({ kind: "order" as const, app, number, at, bytes: 1, keys: [] });
    const ended = numbers(1, 5).map((number) => revision(number));
    const read = (more: Partial<TenantFacts>) => [...judgeTenant(tenant(more)).read].sort();
    expect(read({ revisions: ended, records: [order(1, NOW), order(4, NOW - 2 * HOUR), order(5, NOW - HOUR / 2), order(5, NOW, "old")] })).toEqual([
      "t5",
    ]);
    expect(read({ revisions: [...ended, revision(6, { ended: false })] })).toEqual(["t6"]);
  });

  test("a revision's log and orders go with it, those of none too", () => {
    const record = (kind: "log" | "order", number: number) => ({ kind, app: "shop", number, at: NOW, bytes: 1, keys: [] });
    const verdicts = judgeTenant(
      tenant({ revisions: numbers(1, 5).map((n) => revision(n)), records: [record("log", 1), record("log", 4), record("order", 99)] }),
    );
    expect(verdicts.records.map(({ of, keep }) => [of.kind, of.number, keep])).toEqual([
      ["log", 1, false],
      ["log", 4, true],
      ["order", 99, false],
    ]);
  });

  test("an env Secret without a revision goes when none can come of it any more", () => {
    const secret = (name: string, owned: boolean, at: number) => ({ name, app: "shop", owned, at });
    const secrets = [secret("owned", true, 0), secret("fresh", false, NOW - HOUR / 2), secret("left", false, NOW - 2 * HOUR)];
    expect(judgeTenant(tenant({ secrets })).secrets.map(({ keep }) => keep)).toEqual([true, true, false]);
  });
});

describe("packs", () => {
  const chunk = (digest: string, stored = 100): PackedChunk => ({ digest, stored, offset: 40, size: stored });
  const pack = (id: string, chunks: PackedChunk[]) => ({ id, chunks, bytes: chunks.reduce((sum, { stored }) => sum + stored + 40, 0) });
  const judged = (packs: ReturnType<typeof pack>[], live: string[], read: string[] = []) =>
    packs.map(packJudge(new Set(live), new Set(read))).map(({ of, keep, move }) => [of.id, keep ? "kept" : "gone", ...move]);

  test.each<[string, ReturnType<typeof pack>[], string[], string[], string[][]]>([
    ["all needed", [pack("p", [chunk("a"), chunk("b")])], ["a", "b"], [], [["p", "kept"]]],
    ["none needed", [pack("p", [chunk("a"), chunk("b")])], ["c"], [], [["p", "gone"]]],
    ["half needed", [pack("p", [chunk("a"), chunk("b")])], ["a"], [], [["p", "kept"]]],
    ["less than half needed", [pack("p", [chunk("a"), chunk("b", 300)])], ["a"], [], [["p", "gone", "a"]]],
    ["tiny chunks, all needed: their headers count as well", [pack("p", [chunk("a", 1), chunk("b", 1)])], ["a", "b"], [], [["p", "kept"]]],
    ["hardly needed, but read just now", [pack("p", [chunk("a"), chunk("b", 900)])], ["a"], ["a"], [["p", "kept"]]],
    [
      "needed, and in an earlier pack too",
      [pack("p", [chunk("a")]), pack("q", [chunk("a")])],
      ["a"],
      [],
      [
        ["p", "kept"],
        ["q", "gone"],
      ],
    ],
    ["an index whose pack is not there", [{ id: "p", chunks: [], bytes: 0 }], ["a"], [], [["p", "gone"]]],
  ])("%s", (_, packs, live, read, expected) => {
    expect(judged(packs, live, read)).toEqual(expected);
  });
});

test("outside the namespaces: what no app and no namespace is left for", () => {
  const staged = (namespace: string, app: string) => ({ kind: "PersistentVolumeClaim" as const, name: `${namespace}-${app}`, namespace, app });
  const verdicts = judgeOrphans({
    staged: [staged("team", "shop"), staged("team", "old"), staged("gone", "shop")],
    stored: ["uid-team", "uid-gone"],
    images: [
      { repository: "team/shop", digest: "a" },
      { repository: "gone/shop/cache", digest: "b" },
    ],
    namespaces: new Map([["team", "uid-team"]]),
    apps: new Set(["team/shop"]),
  });
  expect(told(verdicts.staged, ({ name }) => name)).toEqual({
    "team-shop": "kept: 'shop' is there",
    "team-old": "gone: 'old' in 'team' is gone",
    "gone-shop": "gone: 'shop' in 'gone' is gone",
  });
  expect(told(verdicts.stored, (uid) => uid)).toEqual({
    "uid-team": "kept: it is the namespace 'team'",
    "uid-gone": "gone: no namespace has this uid any more",
  });
  // Those of a namespace that is there are judged with it.
  expect(told(verdicts.images, ({ repository }) => repository)).toEqual({ "gone/shop/cache": "gone: the namespace 'gone' is gone" });
});
