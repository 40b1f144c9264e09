import type { Writable } from "node:stream";
import { isatty } from "node:tty";

/* The one place that ends the process and hears its signals. */

const exitCode = await main(process.argv.slice(2));
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(exitCode);

async function main(argv: string[]): Promise<number> {
  if (argv[0] === "agent") {
    const { agentMain } = await import("../agent/main.ts");
    return await agentMain(argv.slice(1));
  }
  const [{ createContext }, { runCli }] = await Promise.all([import("./context.ts"), import("./run-cli.ts")]);
  // A reader that has seen enough (`davit app logs shop | head`) is no error.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const { stdout, stderr, env } = process;
  const isTTY = isatty(0) && isatty(2) && !env.CI;
  const parts = { stdout, stderr, env, isTTY, cwd: process.cwd(), signal: interruption() };
  // Opening stdin takes a millisecond, and few commands read it.
  const context = createContext({ ...parts, openStdin: () => process.stdin });
  return await runCli(argv, context);
}

/** ^C once asks the command to stop cleanly; twice ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

/** Resolves when all that was written has left the process. In Bun the callback of an empty write does not wait for that; the one of `end` does. */
function written(stream: Writable): Promise<void> {
  return new Promise((resolve) => stream.end(() => resolve()));
}
