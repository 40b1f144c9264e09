import type { Readable } from "node:stream";
import type { BaseContext } from "clipanion";
import type { Kube } from "#shared/kube/client";
import type { Connection, Way } from "./agent-client/connect.ts";
import { createAsk } from "./report/ask.ts";

/** Waits so many milliseconds; rejects when the signal is aborted. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** All that a command may touch of the world. What is costly to make is made when it is first asked for. */
export interface Context extends BaseContext {
  cwd: string;
  /** Whether a person is there to be asked: stdin and stderr are terminals, and this is not CI. */
  isTTY: boolean;
  /** Aborted by the first ^C. */
  signal: AbortSignal;
  pause: Pause;
  /** One line of the result, to stdout. */
  out(line: string): void;
  /** One line of progress or complaint, to stderr. */
  err(line: string): void;
  /**
   * One line that a person types after `question`.
   * @throws Fault input_needed without a terminal, interrupted at ^C
   */
  ask(question: string): Promise<string>;
  /** The agent, by the login or kubeconfig that `way` asks for. */
  connect(way: Way): Promise<Connection>;
  /** The cluster of a kubeconfig. */
  kube(way: Pick<Way, "kubeconfig" | "context">): Promise<Kube>;
}

/** What {@link createContext} is made from: the process, or a test's stand-ins. */
export type ContextParts = Pick<Context, "env" | "stdout" | "stderr" | "cwd" | "isTTY" | "signal"> & { openStdin: () => Readable } & Partial<
    Pick<Context, "pause" | "ask">
  >;

/** The context of one run of the CLI. */
export function createContext({ openStdin, ...parts }: ContextParts): Context {
  const context: Context = {
    colorDepth: 1,
    get stdin() {
      return openStdin();
    },
    pause: async (ms, signal) => {
      const { setTimeout } = await import("node:timers/promises");
      await setTimeout(ms, undefined, { signal });
    },
    ask: createAsk({ ...parts, openStdin }),
    ...parts,
    out: (line) => void parts.stdout.write(`${line}\n`),
    err: (line) => void parts.stderr.write(`${line}\n`),
    connect: async (way) => {
      const { connect } = await import("./agent-client/connect.ts");
      return await connect(context, way);
    },
    kube: async (way) => {
      const { connectKube } = await import("./agent-client/kube-way.ts");
      return (await connectKube(context.env, way)).kube;
    },
  };
  return context;
}
