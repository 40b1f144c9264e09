import type { Context, ContextParts } from "../context.ts";

/** The context's `ask` over a terminal: the question goes to stderr, because stdout carries results only. */
export function createAsk({ openStdin, stderr, isTTY, signal }: Pick<ContextParts, "openStdin" | "stderr" | "isTTY" | "signal">): Context["ask"] {
  return async (question) => {
    const { Fault } = await import("#shared/fault");
    if (!isTTY) throw new Fault("input_needed", `davit would ask "${question}", but nobody is there to answer`);
    const { createInterface } = await import("node:readline/promises");
    const terminal = createInterface({ input: openStdin(), output: stderr });
    terminal.on("SIGINT", () => process.emit("SIGINT"));
    try {
      const closed = new Promise<never>((_, reject) =>
        terminal.once("close", () => reject(new Fault("input_needed", "the input ended before an answer"))),
      );
      return (await Promise.race([terminal.question(`${question} `, { signal }), closed])).trim();
    } catch (error) {
      throw signal.aborted ? new Fault("interrupted", "interrupted") : error;
    } finally {
      terminal.removeAllListeners("close").close();
    }
  };
}

/**
 * Whether a person agrees to `question`; `yes` (from --yes) agrees without asking.
 * @throws Fault input_needed when nobody is there and `yes` is not given
 */
export async function confirm(context: Pick<Context, "ask" | "isTTY">, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!context.isTTY) {
    const { Fault } = await import("#shared/fault");
    throw new Fault("input_needed", `${question} Nobody is there to answer`, { details: { flag: "--yes" } });
  }
  return /^y(es)?$/i.test(await context.ask(`${question} [y/N]`));
}
