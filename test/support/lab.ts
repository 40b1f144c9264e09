import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Kube } from "#shared/kube/client";
import { fromKubeconfig } from "#shared/kube/connect";
import type { PushEvent, PushResult } from "#shared/push-event";

const ROOT = join(import.meta.dir, "..", "..");
/** The compiled binary: what users run is what is tested. */
export const BINARY = join(ROOT, "dist", "davit");

export interface Done {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
}

/** Runs the binary to its end. */
export async function davit(args: readonly string[], options: RunOptions = {}): Promise<Done> {
  const child = start(args, options);
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, stdout, stderr };
}

/** Starts the binary and leaves it running; its output is piped. */
export function start(args: readonly string[], options: RunOptions = {}) {
  return Bun.spawn([BINARY, ...args], {
    cwd: options.cwd ?? ROOT,
    // davit itself is to trust what it is told to, not what this test does.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, NO_COLOR: "1", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Pushes and returns the one result object, whatever it says. */
export async function push(
  folder: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<PushResult & { exit: number; stderr: string }> {
  const done = await davit(["push", "--path", folder, "-o", "json", ...args], options);
  if (done.stdout.trim() === "") throw new Error(`davit push printed nothing (exit ${done.code}): ${done.stderr}`);
  return { ...(JSON.parse(done.stdout) as PushResult), exit: done.code, stderr: done.stderr };
}

export function parseEvents(text: string): PushEvent[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** The cluster's API with the rights of its admin, to look at what davit did and to break things. */
export async function kube(): Promise<Kube> {
  return new Kube(await fromKubeconfig({}));
}

export async function kubectl(...args: string[]): Promise<string> {
  // Said, because left out it is the environment that this process was started with, which may mean another cluster.
  const child = Bun.spawn(["kubectl", ...args], { env: process.env, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

export interface Folder extends Disposable {
  path: string;
  write(files: Record<string, string>): void;
}

/** A folder that goes when the test ends. */
export function folder(files: Record<string, string> = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), "davit-test-"));
  const write = (more: Record<string, string>) => {
    for (const [name, text] of Object.entries(more)) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), text);
    }
  };
  write(files);
  return { path, write, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export const DOCKERFILE = 'FROM oven/bun:1\nWORKDIR /app\nCOPY . .\nCMD ["bun", "server.ts"]\n';

/** An HTTP app that answers `text`. */
export function server(text: string): string {
  return `Bun.serve({ port: process.env.PORT, fetch: () => new Response(${JSON.stringify(text)}) });\nprocess.on("SIGTERM", () => process.exit(0));\n`;
}

export function appFiles(text: string): Record<string, string> {
  return { Dockerfile: DOCKERFILE, "server.ts": server(text) };
}

export interface TestTenant extends AsyncDisposable {
  name: string;
  /** A name for an app that no other test's route collides with. */
  app(name: string): string;
}

/** A tenant of the test's own, gone with everything in it when the test ends. */
export async function tenant(prefix: string): Promise<TestTenant> {
  const id = randomBytes(3).toString("hex");
  const name = `${prefix}-${id}`;
  const made = await davit(["namespace", "create", name]);
  if (made.code !== 0) throw new Error(`the namespace could not be made: ${made.stderr}`);
  return {
    name,
    app: (app) => `${app}-${id}`,
    [Symbol.asyncDispose]: async () => {
      const gone = await davit(["namespace", "delete", name, "--yes"]);
      if (gone.code !== 0) throw new Error(`the namespace could not be deleted: ${gone.stderr}`);
    },
  };
}
