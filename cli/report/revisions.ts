import type { AppDetails, RevisionSummary } from "#shared/app";
import { plainLine } from "./plain.ts";
import { table } from "./table.ts";
import { formatAge, formatMs } from "./units.ts";

/** As many of a digest's letters as tell it from the others of an app. */
const SHORT = 12;

/** An app's revisions, newest first; the one that serves says so. */
export function revisionTable({ revisions, revision: serving }: Pick<AppDetails, "revisions" | "revision">, now: number): string[] {
  const rows = revisions.map((revision) => [
    revision.number,
    revision.number === serving ? "serves" : (revision.outcome ?? revision.phase),
    formatAge(revision.createdAt, now),
    revision.createdBy,
    shortSource(revision.source),
    revision.image === null ? null : shortDigest(revision.image),
    tookOf(revision),
    revision.fault?.code ?? (revision.from === null ? null : `image of ${revision.from}`),
  ]);
  return table(["revision", "outcome", "age", "by", "source", "image", "took", "why"], rows);
}

/** The newest revision in a line: who, when, what, and where its time went. */
export function describeRevision(revision: RevisionSummary, now: number): string {
  const { number, outcome, phase, createdAt, createdBy, source, phases } = revision;
  const took = tookOf(revision);
  const parts = Object.entries(phases).map(([name, ms]) => `${name} ${formatMs(ms)}`);
  return [
    `revision ${number}, ${outcome ?? phase}`,
    `${formatAge(createdAt, now)} ago by ${createdBy}`,
    shortSource(source),
    ...(took === null ? [] : [`${took} (${parts.join(", ")})`]),
  ].join(", ");
}

function tookOf({ phases }: RevisionSummary): string | null {
  const ms = Object.values(phases).reduce((sum, each) => sum + each, 0);
  return ms === 0 ? null : formatMs(ms);
}

/** `tree:` with the first letters of its id; a commit is shortened too, what people named is not. */
function shortSource(source: string): string {
  return plainLine(source).replace(/[0-9a-f]{40,}/g, (id) => id.slice(0, SHORT));
}

function shortDigest(image: string): string {
  const digest = /@(sha256:[0-9a-f]+)$/.exec(image)?.[1];
  return digest === undefined ? plainLine(image) : digest.slice(0, "sha256:".length + SHORT);
}
