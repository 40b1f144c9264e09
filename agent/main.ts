import { jsonLog } from "./log.ts";

const USAGE = "usage: davit agent serve|stage|fetch|registry|token-key|trust-nodes|reload|check|migrate|probe\n";

/** The binary's other life: `args` is what follows `davit agent`. Returns the exit code. */
export async function agentMain(args: string[]): Promise<number> {
  const log = jsonLog((line) => process.stdout.write(line));
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(new Error(signal)));
  switch (args[0]) {
    case "serve": {
      const { serveAgent } = await import("./serve.ts");
      await serveAgent(process.env, log, stop.signal);
      return 0;
    }
    case "stage": {
      const { stage } = await import("./stage/main.ts");
      stop.signal.addEventListener("abort", () => process.exit(0));
      const report = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
      return await stage(Bun.stdin.stream(), report, (error) => log("an order hit a bug", { error }));
    }
    case "fetch": {
      const { runFetch } = await import("./fetch/main.ts");
      const report = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
      await runFetch(report, (error) => log("a fetch hit a bug", { error }), stop.signal);
      return 0;
    }
    case "registry": {
      const { runGate } = await import("./registry/main.ts");
      await runGate(process.env, { signal: stop.signal, log });
      return 0;
    }
    case "token-key": {
      const { makeTokenKey } = await import("./registry/token-key.ts");
      await makeTokenKey(args[1] ?? "");
      return 0;
    }
    case "check": {
      const { check } = await import("./places/check.ts");
      process.stdout.write(`${JSON.stringify(await check())}\n`);
      return 0;
    }
    case "reload": {
      const { runReload } = await import("./reload.ts");
      await runReload(args[1] ?? "", { signal: stop.signal, log });
      return 0;
    }
    case "probe": {
      const { probe } = await import("./probe/main.ts");
      await probe((report) => process.stdout.write(`${JSON.stringify(report)}\n`), stop.signal);
      return 0;
    }
    case "migrate": {
      const { migrate } = await import("./migrate/migrate.ts");
      await migrate((line) => process.stdout.write(`${JSON.stringify(line)}\n`));
      return 0;
    }
    case "trust-nodes": {
      const { runTrustNodes } = await import("./trust-nodes.ts");
      await runTrustNodes(process.env, args.slice(1), { signal: stop.signal, log });
      return 0;
    }
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}
