import type { PushEvent, PushResult } from "#shared/push-event";
import type { Context } from "../context.ts";
import { plainLine } from "./plain.ts";
import { count, formatBytes, formatMs } from "./units.ts";

/** Where the events of a push go. */
export type PushReport = (event: PushEvent) => void;

type Output = Pick<Context, "out" | "err" | "stderr" | "env">;

/** How a push is told: `events` gives stdout the events themselves; else stderr tells the story, and with `text` stdout gets the result. */
export function createPushReport(context: Output, output: string): PushReport {
  if (output === "events") return (event) => context.out(JSON.stringify(event));
  return createStory(context)((result, ms) => {
    for (const line of output === "text" ? summarize(result, ms) : []) context.out(line);
  });
}

/* One line a phase; on a terminal the line of what goes on now is drawn over. */
function createStory(context: Output): (finish: (result: PushResult, ms: number) => void) => PushReport {
  const screen = createScreen(context);
  let began: number | undefined;
  return (finish) => (event) => {
    began ??= event.at;
    switch (event.type) {
      case "phase-started":
        return screen.status(`  ${event.phase}…${event.note ? ` ${event.note}` : ""}`);
      case "phase-ended":
        return screen.line(`  ${event.phase.padEnd(8)} ${formatMs(event.ms).padStart(8)}${event.note ? `  ${plainLine(event.note)}` : ""}`);
      case "progress":
        return screen.status(`  ${event.phase}… ${progress(event)}`);
      case "log":
        return screen.faint(`    | ${plainLine(event.line)}`);
      case "notice":
        return screen.line(`  ${plainLine(event.message)}`);
      case "done":
        screen.status("");
        return finish(event.result, event.at - began);
      default:
        return event satisfies never;
    }
  };
}

function progress({ done, total, unit }: Extract<PushEvent, { type: "progress" }>): string {
  if (unit === "bytes") return total === 0 ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  return `${done} of ${total} ${unit}`;
}

function createScreen({ err, stderr, env }: Output) {
  const terminal = (stderr as { isTTY?: boolean }).isTTY === true && env.TERM !== "dumb";
  const colors = terminal && !env.NO_COLOR;
  let shown = false;
  const clear = () => {
    if (shown) stderr.write("\r\x1b[2K");
    shown = false;
  };
  const line = (text: string) => {
    clear();
    err(text);
  };
  return {
    line,
    faint: (text: string) => line(colors ? `\x1b[2m${text}\x1b[22m` : text),
    status: (text: string) => {
      clear();
      if (!terminal || text === "") return;
      const width = (stderr as { columns?: number }).columns || 80;
      stderr.write(text.slice(0, width - 1));
      shown = true;
    },
  };
}

/** The result in words; a failed push has none, its fault says it all. */
function summarize(result: PushResult, ms: number): string[] {
  const { outcome, url, revision } = result;
  const what = [...(revision === null ? [] : [`revision ${revision}`]), formatMs(ms)].join(", ");
  switch (outcome) {
    case "live":
    case "unchanged":
      return [`${outcome}  ${url ?? "(no route)"}  (${what})`];
    case "detached":
      return [`detached  revision ${revision} of ${result.app} goes on; follow it with: ${attachCommand(result)}`];
    case "failed":
      return [];
  }
}

/** What to type to see a push through to its end. */
export function attachCommand({ app, namespace }: Pick<PushResult, "app" | "namespace">): string {
  return `davit push --attach --name ${app} -n ${namespace}`;
}

/** What an upload came to, for its phase's line. */
export function uploadNote(files: number, bytes: number, sent: PushResult["sent"]): string {
  return `${count(files, "file")}, ${formatBytes(bytes)}; sent ${sent.chunks === 0 ? "none of it" : count(sent.chunks, "chunk")}, ${formatBytes(sent.bytes)}`;
}
