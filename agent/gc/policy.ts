import { PACK_HEADER } from "#shared/pack";
import { PRESIGN_SECONDS } from "../store/object-store.ts";
import type { AppFacts, PackFacts, RecordFacts, RevisionFacts, TenantFacts } from "./facts.ts";

/*
 * What is garbage. Everything here is pure: facts in, verdicts out, each with its reason (docs/gc.md is the same in a table).
 */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** An upload may be interrupted in the evening and go on in the morning. */
const OFFER_MS = DAY;
/** kaniko takes no cached layer that is older. */
const CACHE_MS = 14 * DAY;
/** How long a URL that a staging Pod was given can be read. */
const ORDER_MS = PRESIGN_SECONDS * 1000;
/** Longer than it takes to make a revision of what lies ready for it. */
const UNOWNED_MS = HOUR;

export interface Verdict<T> {
  of: T;
  keep: boolean;
  why: string;
}

export interface ImageFacts {
  repository: string;
  digest: string;
  usedAt: number;
}

export interface TenantVerdicts {
  revisions: Verdict<RevisionFacts>[];
  images: Verdict<ImageFacts>[];
  trees: Verdict<TenantFacts["trees"][number]>[];
  offers: Verdict<TenantFacts["offers"][number]>[];
  records: Verdict<RecordFacts>[];
  secrets: Verdict<TenantFacts["secrets"][number]>[];
  /** Of the kept trees those that a staging Pod may be reading now: nothing of them is moved. */
  read: Set<string>;
}

export function judgeTenant(facts: TenantFacts): TenantVerdicts {
  const apps = new Map(facts.apps.map((app) => [app.name, app]));
  const revisions = [...Map.groupBy(facts.revisions, ({ app }) => app)].flatMap(([app, own]) =>
    judgeRevisions(apps.get(app), own, facts.keepRevisions),
  );
  const kept = revisions.flatMap(({ of, keep }) => (keep ? [of] : []));
  const isKept = new Set(kept.map(({ app, number }) => `${app}/${number}`));
  const records = facts.records.map((record) => judgeRecord(record, isKept.has(`${record.app}/${record.number}`)));
  return {
    revisions,
    images: judgeImages(facts, apps, kept),
    ...judgeTrees(facts, kept),
    records,
    secrets: facts.secrets.map((secret) => judgeSecret(secret, facts.now)),
    read: treesBeingRead(facts, kept),
  };
}

/** An app's revisions; `app` is undefined when it is gone. */
function judgeRevisions(app: AppFacts | undefined, revisions: readonly RevisionFacts[], keepRevisions: number): Verdict<RevisionFacts>[] {
  if (!app) return revisions.map((of) => collect(of, "its app is gone"));
  if (revisions.some(({ ended }) => !ended)) return revisions.map((of) => keep(of, of.ended ? "a push of its app is under way" : "it is under way"));
  const newest = revisions.toSorted((a, b) => b.number - a.number);
  const reasons = new Map<number, string>();
  if (app.serving !== undefined) reasons.set(app.serving, "it serves");
  const live = newest.filter((revision) => revision.live).slice(0, keepRevisions);
  for (const { number } of live) if (!reasons.has(number)) reasons.set(number, `it is one of the newest ${keepRevisions} that were live`);
  const others = newest.filter((revision) => !revision.live).slice(0, keepRevisions);
  for (const { number } of others) if (!reasons.has(number)) reasons.set(number, `it is one of the newest ${keepRevisions} that were not live`);
  // Its env is theirs.
  for (const { number, pods } of newest) if (reasons.has(number) && !reasons.has(pods)) reasons.set(pods, `revision ${number} runs in its Pods`);
  return newest.map((of) => {
    const why = reasons.get(of.number);
    return why === undefined ? collect(of, `its app has ${keepRevisions} that are newer`) : keep(of, why);
  });
}

function judgeImages(facts: TenantFacts, apps: ReadonlyMap<string, AppFacts>, kept: readonly RevisionFacts[]): Verdict<ImageFacts>[] {
  const needed = new Map<string, string>();
  for (const { app, number, image } of kept.toSorted((a, b) => a.number - b.number))
    if (image) needed.set(image, `revision ${number} of '${app}' is made of it`);
  for (const { name, images } of facts.apps) for (const image of images) needed.set(image, `'${name}' runs it`);
  const keptOf = Map.groupBy(kept, ({ app }) => app);
  return facts.repositories.flatMap(({ name, images }) => {
    const [, app = "", below] = name.split("/");
    const own = keptOf.get(app) ?? [];
    return images.map(({ digest, tags, usedAt }) => {
      const image = { repository: name, digest, usedAt };
      const why = needed.get(`${name}@${digest}`) ?? tags.map((tag) => needed.get(`${name}:${tag}`)).find(Boolean);
      if (why !== undefined) return keep(image, why);
      if (!apps.has(app)) return collect(image, "its app is gone");
      if (own.some(({ ended }) => !ended)) return keep(image, "a push of its app is under way");
      return below === "cache" ? judgeCached(image, own, facts.now) : collect(image, "no kept revision is made of it");
    });
  });
}

function judgeCached(image: ImageFacts, kept: readonly RevisionFacts[], now: number): Verdict<ImageFacts> {
  if (now - image.usedAt > CACHE_MS) return collect(image, "no build has used it for 14 days");
  const oldest = kept.toSorted((a, b) => a.number - b.number)[0];
  if (oldest && image.usedAt < oldest.at) return collect(image, `no build has used it since revision ${oldest.number}, the oldest that is kept`);
  return keep(image, "a build has used it lately");
}

function judgeTrees(facts: TenantFacts, kept: readonly RevisionFacts[]): Pick<TenantVerdicts, "trees" | "offers"> {
  const needed = new Map<string, string>();
  for (const { app, number, tree } of kept.toSorted((a, b) => a.number - b.number))
    if (tree) needed.set(tree, `it is the source of revision ${number} of '${app}'`);
  const offers = facts.offers.map((offer) =>
    facts.now - offer.at < OFFER_MS ? keep(offer, "its tree was offered within a day") : collect(offer, "its tree was offered over a day ago"),
  );
  const offered = new Set(offers.flatMap(({ of, keep }) => (keep ? [of.tree] : [])));
  const trees = facts.trees.map((tree) => {
    const why = needed.get(tree.id);
    if (why !== undefined) return keep(tree, why);
    return offered.has(tree.id)
      ? keep(tree, "it was offered within a day, and its push may come")
      : collect(tree, "no kept revision is built from it");
  });
  return { trees, offers };
}

function judgeRecord(record: RecordFacts, isKept: boolean): Verdict<RecordFacts> {
  return isKept ? keep(record, `revision ${record.number} is kept`) : collect(record, `there is no revision ${record.number} any more`);
}

function judgeSecret<T extends TenantFacts["secrets"][number]>(secret: T, now: number): Verdict<T> {
  if (secret.owned) return keep(secret, "it belongs to its revision");
  return now - secret.at < UNOWNED_MS
    ? keep(secret, "its revision may be made just now")
    : collect(secret, "it was made for a revision that never was");
}

function treesBeingRead({ records, now }: TenantFacts, kept: readonly RevisionFacts[]): Set<string> {
  const ordered = new Set(records.flatMap(({ kind, app, number, at }) => (kind === "order" && now - at < ORDER_MS ? [`${app}/${number}`] : [])));
  return new Set(kept.flatMap(({ app, number, ended, tree }) => (tree && (!ended || ordered.has(`${app}/${number}`)) ? [tree] : [])));
}

export interface PackVerdict extends Verdict<PackFacts> {
  /** Chunks that have to be brought into another pack before this one goes. */
  move: string[];
}

/**
 * Judges one pack after the other. `live` are chunks of kept trees, `read` those that a staging Pod may be reading; a
 * chunk that lies in several packs counts in the first that stays.
 */
export function packJudge(live: ReadonlySet<string>, read: ReadonlySet<string>): (pack: PackFacts) => PackVerdict {
  const placed = new Set<string>();
  return (pack) => {
    const own = pack.chunks.filter(({ digest }) => live.has(digest) && !placed.has(digest));
    const digests = own.map(({ digest }) => digest);
    for (const digest of digests) placed.add(digest);
    if (pack.chunks.some(({ digest }) => read.has(digest))) return { ...keep(pack, "a staging Pod may be reading it"), move: [] };
    if (own.length === 0) return { ...collect(pack, "nothing in it is needed"), move: [] };
    const bytes = own.reduce((sum, { stored }) => sum + PACK_HEADER + stored, 0);
    if (bytes * 2 >= pack.bytes) return { ...keep(pack, `kept trees have ${own.length} of its ${pack.chunks.length} chunks`), move: [] };
    return { ...collect(pack, "less than half of it is needed, and moves to a new pack"), move: digests };
  };
}

function keep<T>(of: T, why: string): Verdict<T> {
  return { of, keep: true, why };
}

function collect<T>(of: T, why: string): Verdict<T> {
  return { of, keep: false, why };
}
