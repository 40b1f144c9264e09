import { Fault } from "#shared/fault";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest wait a timer can make. */
const LONGEST_MS = 2 ** 31 - 1;
const LONGEST_SHOWN = 60;
const MOST_REVISIONS = 1_000_000_000;

/**
 * Milliseconds of a text such as `90s`, `10m`, `1h30m`.
 * @throws Fault usage
 */
export function parseDuration(flag: string, text: string): number {
  const ms = durationOf(text);
  if (ms === undefined) throw usage(flag, `${flag} is a duration such as 90s, 10m or 1h30m, not '${text}'`);
  return ms;
}

function durationOf(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0);
  return parts.map(([part]) => part).join("") === text && ms > 0 && ms <= LONGEST_MS ? ms : undefined;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * The time so long before `now`, or the time itself, as ISO 8601.
 * @throws Fault usage
 */
export function parseSince(flag: string, text: string, now: number): string {
  const at = TIME.test(text) ? Date.parse(text) : now - (durationOf(text) ?? Number.NaN);
  if (Number.isFinite(at)) return new Date(at).toISOString();
  throw usage(flag, `${flag} is a duration such as 90s, 10m or 1h30m, or a time such as 2026-01-31T08:00:00Z, not '${text}'`);
}

/**
 * A whole number from `least` to `most`.
 * @throws Fault usage
 */
export function parseWhole(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw usage(flag, `${flag} is a whole number from ${least} to ${most}, not '${text}'`);
}

/** A revision's number. @throws Fault usage */
export function parseRevision(flag: string, text: string): number {
  return parseWhole(flag, text, 1, MOST_REVISIONS);
}

/**
 * `NAME=VALUE`s as a record; the last one of a name wins. Values are taken as they are: no commas are split, nothing is expanded.
 * @throws Fault usage; it never shows a value
 */
export function parsePairs(flag: string, texts: readonly string[], isName: (name: string) => boolean): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const text of texts) {
    const cut = text.indexOf("=");
    // What stands before the '=' may be of a value too: base64 ends in one.
    const fail = (why: string) => usage(flag, `${flag} takes NAME=VALUE; number ${texts.indexOf(text) + 1} ${why}`);
    if (cut < 0) throw fail("has no '='");
    const name = text.slice(0, cut);
    if (!isName(name)) throw fail("has no variable's name before the '=' (letters, digits and '_', not starting with a digit)");
    pairs[name] = text.slice(cut + 1);
  }
  return pairs;
}

/** A name as faults quote it. Who forgets the name types the next argument in its place, and a `NAME=VALUE` has a value. */
export function quoteName(text: string): string {
  const cut = text.indexOf("=");
  const name = cut < 0 ? text : `${text.slice(0, cut)}=…`;
  return `'${name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name}'`;
}

/** Flags that contradict each other, named. @throws Fault usage when more than one of them is given */
export function checkTogether(given: Record<string, boolean>, why: string): void {
  const names = Object.keys(given).filter((name) => given[name]);
  if (names.length > 1) throw usage(names[0] ?? "", `${names.join(" and ")} cannot be given together: ${why}`);
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}
