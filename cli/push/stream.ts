import type { Phase } from "#shared/app";
import type { NewPushEvent, PushEvent, PushResult } from "#shared/push-event";
import type { PushReport } from "../report/push-report.ts";

/** Progress is told at most this often. */
const PROGRESS_MS = 100;

/** The one stream of a push as its user sees it: the CLI's own events, then the agent's, numbered through from 1, one `done` last. */
export class PushStream {
  readonly #report: PushReport;
  #seq = 0;
  #told = 0;
  /** Milliseconds of the phases that the CLI itself ran. */
  readonly phases: Record<string, number> = {};

  constructor(report: PushReport) {
    this.#report = report;
  }

  /** Tells something new. */
  tell(event: NewPushEvent): void {
    this.#report({ ...event, seq: ++this.#seq, at: Date.now() });
  }

  /** Passes on an event of the agent's. */
  forward(event: PushEvent): void {
    this.#report({ ...event, seq: ++this.#seq });
  }

  done(result: PushResult): void {
    this.tell({ type: "done", result });
  }

  notice(message: string): void {
    this.tell({ type: "notice", message });
  }

  /** `total` is 0 while it is not known. */
  progress(phase: Phase, { done, total }: { done: number; total: number }): void {
    const now = performance.now();
    const isLast = total > 0 && done >= total;
    if (!isLast && now - this.#told < PROGRESS_MS) return;
    this.#told = now;
    this.tell({ type: "progress", phase, done, total, unit: "bytes" });
  }

  /** Tells a phase's beginning, and its end when `work` succeeds; `note` is shown with the end. */
  async phase<T>(phase: Phase, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
    let note: string | undefined;
    const began = performance.now();
    this.tell({ type: "phase-started", phase });
    const result = await work((text) => {
      note = text;
    });
    const ms = Math.round(performance.now() - began);
    this.phases[phase] = ms;
    this.tell({ type: "phase-ended", phase, ms, ...(note === undefined ? {} : { note }) });
    return result;
  }
}
