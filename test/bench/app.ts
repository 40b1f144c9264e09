import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PushResult } from "#shared/push-event";
import { DOCKERFILE, push, type RunOptions } from "#test/lab";

/** Files of the app that the figures are about. */
export const FILES = 1000;
/** Time for the volume that an app gets after its first push. */
export const VOLUME_MS = 10_000;
const VERSION_FILE = "version.txt";

/** An app's folder, of which one file can be changed. */
export interface BenchApp {
  path: string;
  /** Changes one file, so that the app answers something new, and tells what. */
  change(): string;
}

/** An HTTP app that answers the text in version.txt; at /boot, how many ms it took from its process's start until it listened. */
function server(delayMs: number): string {
  return `const version = await Bun.file("${VERSION_FILE}").text();
await Bun.sleep(${delayMs});
let boot = 0;
const answer = (request: Request) => new Response(new URL(request.url).pathname === "/boot" ? String(boot) : version);
Bun.serve({ port: process.env.PORT, fetch: answer });
boot = performance.now();
process.on("SIGTERM", () => process.exit(0));
`;
}

/** Makes the app. No two have a chunk in common, apart from the Dockerfile and the server. */
export function makeApp(path: string, options: { files?: number; delayMs?: number; dockerfile?: string } = {}): BenchApp {
  const { files = FILES, delayMs = 0, dockerfile = DOCKERFILE } = options;
  const salt = randomBytes(8).toString("hex");
  const change = (): string => {
    const version = randomBytes(12).toString("hex");
    writeFileSync(join(path, VERSION_FILE), version);
    return version;
  };
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "Dockerfile"), dockerfile);
  writeFileSync(join(path, "server.ts"), server(delayMs));
  change();
  for (let index = 3; index < files; index++) {
    const file = join(path, "src", `part-${index % 20}`, `module-${index}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, moduleText(`${salt} ${index}`));
  }
  return { path, change };
}

/** As long as a small module, and half as compressible as one. */
function moduleText(seed: string): string {
  const line = (at: number) => `export const value${at} = "${createHash("sha256").update(`${seed} ${at}`).digest("hex")}";\n`;
  return Array.from({ length: 12 }, (_, at) => line(at)).join("");
}

export interface Pushed {
  result: PushResult;
  url: string;
}

/** A push that has to end live. */
export async function pushLive(
  path: string,
  name: string,
  namespace: string,
  outcome: "live" | "unchanged" = "live",
  options: RunOptions = {},
): Promise<Pushed> {
  const result = await push(path, ["--name", name, "-n", namespace], options);
  if (result.outcome !== outcome || result.url === null) throw new Error(`davit push ended ${result.outcome}, not ${outcome}: ${result.stderr}`);
  return { result, url: result.url };
}
