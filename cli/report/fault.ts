import { Fault, toFault } from "#shared/fault";
import { VERSION } from "#shared/version";
import type { Context } from "../context.ts";
import { FAULT_WORDS } from "./fault-words.ts";
import { plainLines } from "./plain.ts";

/** A fault in words: what happened, why, and what to type next. */
export interface DescribedFault {
  title: string;
  reason: string;
  next: string;
  /** The last lines that the app or its build wrote. */
  log: string[];
}

/** Who found the fault may know better than the table what comes next: then that is in `details.next`. */
export function describeFault(fault: Fault): DescribedFault {
  const { title, next } = FAULT_WORDS[fault.code];
  return {
    title,
    reason: fault.message,
    next: fault.details.next ?? next(fault.details),
    log: plainLines(fault.details.log ?? ""),
  };
}

export interface ReportOptions {
  json: boolean;
  verbose: boolean;
  /** Path of the command that was run, e.g. `app list`. */
  command?: string;
}

/** Reports what a command threw, on stderr and with `-o json` also on stdout. Returns the exit code. */
export function reportError(context: Pick<Context, "out" | "err" | "signal">, error: unknown, options: ReportOptions): number {
  const fault = withCommand(asFault(context, error), options.command);
  if (options.json) context.out(JSON.stringify({ fault: fault.toWire() }, null, 2));
  printFault(context, fault, options);
  return fault.exitCode;
}

/** What was thrown, as a fault; after ^C whatever breaks is its consequence. */
export function asFault(context: Pick<Context, "signal">, error: unknown): Fault {
  if (context.signal.aborted && !(error instanceof Fault && error.code === "interrupted"))
    return new Fault("interrupted", "interrupted by ^C", { cause: error });
  return toFault(error);
}

function withCommand(fault: Fault, command: string | undefined): Fault {
  if (fault.code !== "usage" || !command || fault.details.command) return fault;
  return new Fault("usage", fault.message, { cause: fault.cause, details: { ...fault.details, command } });
}

/** The fault's words on stderr. A bug is shown with its stack, because that is what a report needs. */
export function printFault(context: Pick<Context, "err">, fault: Fault, options: { verbose: boolean }): void {
  const { title, reason, next, log } = describeFault(fault);
  context.err(`davit: ${title} (${fault.code})`);
  context.err(block("why: ", reason));
  for (const line of log.slice(-20)) context.err(`        | ${line}`);
  if (fault.code === "bug" || options.verbose) for (const line of stackLines(fault)) context.err(`        ${line}`);
  context.err(block("next:", next));
}

/** A label and its text, further lines indented below the first. */
function block(label: string, text: string): string {
  return `  ${label} ${text
    .split("\n")
    .join("\n        ")
    .replace(/[ \t]+$/gm, "")}`;
}

function stackLines(fault: Fault): string[] {
  const lines = [`davit ${VERSION}, ${process.platform}-${process.arch}`];
  for (let error: unknown = fault.cause ?? fault; error instanceof Error; error = error.cause) {
    lines.push(...(error.stack ?? error.message).split("\n").map((line) => line.trimEnd()));
  }
  return lines;
}
