import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { type Login, loginsFile, saveLogins } from "../../cli/agent-client/logins.ts";
import { type ContextParts, createContext } from "../../cli/context.ts";
import { runCli } from "../../cli/run-cli.ts";
import { PushEvent, PushResult } from "../../shared/push-event.ts";
import { FakeAgent, TOKEN } from "./fake-agent.ts";

/** A user's home for one test: config and cache folders, and a folder `source` with an app in it. */
export interface Home extends AsyncDisposable {
  path: string;
  source: string;
  env: Record<string, string>;
}

/** An empty home; it is deleted at the end of its scope. */
export async function createHome(files: Record<string, string> = { Dockerfile: "FROM scratch\n" }): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "davit-cli-"));
  const source = join(path, "shop");
  for (const [name, text] of Object.entries(files)) await Bun.write(join(source, name), text);
  const env = { HOME: path, XDG_CONFIG_HOME: join(path, "config"), XDG_CACHE_HOME: join(path, "cache"), PATH: process.env.PATH ?? "" };
  return { path, source, env, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface RunOptions extends Partial<Pick<ContextParts, "cwd" | "isTTY" | "signal" | "pause" | "openStdin">> {
  stdin?: string;
  env?: Record<string, string>;
  /** What the person answers, in order; the questions land in `asked`. */
  answers?: string[];
  /** Told every line of stderr as it comes. */
  onErr?: (line: string) => void;
  /** The same for stdout. */
  onOut?: (line: string) => void;
}

/** What a run left behind. */
export interface Ran {
  code: number;
  out: string;
  err: string;
  asked: string[];
}

/** A pause that takes no time. */
export const noPause: NonNullable<ContextParts["pause"]> = async (_, signal) => signal.throwIfAborted();

/** Runs one command line in this process. */
export async function davit(home: Home, argv: string[], options: RunOptions = {}): Promise<Ran> {
  const out = collect(options.onOut);
  const err = collect(options.onErr);
  const asked: string[] = [];
  const answers = [...(options.answers ?? [])];
  const context = createContext({
    openStdin: options.openStdin ?? (() => Readable.from([Buffer.from(options.stdin ?? "")])),
    stdout: out.stream,
    stderr: err.stream,
    env: { ...home.env, ...options.env },
    cwd: options.cwd ?? home.source,
    isTTY: options.isTTY ?? false,
    signal: options.signal ?? new AbortController().signal,
    pause: options.pause ?? noPause,
    ...(options.answers
      ? {
          ask: async (question: string) => {
            asked.push(question);
            return answers.shift() ?? "";
          },
        }
      : {}),
  });
  const code = await runCli(argv, context);
  return { code, out: out.text(), err: err.text(), asked };
}

function collect(onText?: (text: string) => void) {
  const parts: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _, done) {
      parts.push(text);
      onText?.(text);
      done();
    },
  });
  return { stream, text: () => parts.join("") };
}

/** What `-o json` printed, checked. */
export const resultIn = (out: string): PushResult => PushResult.parse(JSON.parse(out));

/** What `-o events` printed, each checked. */
export const eventsIn = (out: string): PushEvent[] =>
  out
    .trim()
    .split("\n")
    .map((line) => PushEvent.parse(JSON.parse(line)));

/** Logs the home in to `server`, as `davit login` would. */
export function logIn(home: Home, server: string, login: Login): void {
  saveLogins(loginsFile(home.env), { current: server, servers: { [server]: login } });
}

/** A home that is logged in to an agent of its own. */
export async function loggedIn(files?: Record<string, string>): Promise<AsyncDisposable & { home: Home; agent: FakeAgent }> {
  const home = await createHome(files);
  const agent = new FakeAgent();
  logIn(home, agent.url, { token: TOKEN });
  return { home, agent, [Symbol.asyncDispose]: agent.endWith(home) };
}
