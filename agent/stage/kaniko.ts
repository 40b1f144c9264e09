import { existsSync, mkdirSync } from "node:fs";
import { copyFile, type FileHandle, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "#shared/fault";
import { lines } from "#shared/lines";
import { proxyVariables } from "#shared/proxy";
import { STAGE_PATHS } from "../objects/staging.ts";
import { declare } from "./declare.ts";
import type { StageOrder } from "./order.ts";

/** After kaniko has ended, a process that a RUN left behind may still hold the output open; it is not waited for longer than this. */
const LAST_OUTPUT_MS = 300;
const WRONG_LINE = /(?<=dockerfile parse error on line )\d+/g;

/** The other end of the pipes that the kaniko container waits at (agent/objects/staging.ts has its loop). */
export class KanikoPipes {
  readonly #folder: string;
  #next: FileHandle | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Waits for the kaniko container to be at the other end. */
  async connect(): Promise<void> {
    // The other container makes the pipes; a watch on a folder shared between containers is no surer than looking.
    while (!existsSync(this.#path("ready"))) await Bun.sleep(10);
    this.#next = await open(this.#path("next"), "w");
  }

  /** Runs kaniko once, passing on its output line by line. */
  async build(order: StageOrder & { args: string[] }, onLine: (line: string) => void): Promise<{ exit: number; digest: string | null }> {
    mkdirSync(this.#path("docker"), { recursive: true });
    await writeFile(this.#path("docker/config.json"), order.dockerConfig, { mode: 0o644 });
    const { dockerfile, lineBefore } = await this.#dockerfile(order.env);
    const proxies = proxyVariables(order.proxies);
    // Without a value kaniko takes that of its environment: it would be seen among the arguments.
    const args = [...Object.keys(proxies).map((name) => `--build-arg=${name}`), ...order.args, `--dockerfile=${dockerfile}`];
    await writeFile(this.#path("build.sh"), script(this.#folder, args, { ...order.env, ...proxies }));
    await this.#next?.write(`${order.build}\n`);
    const output = await open(this.#path("output"), "r");
    const reading = readLines(output, (line) => onLine(line.replace(WRONG_LINE, (number) => String(lineBefore(Number(number))))));
    const ended = await readFile(this.#path("ended"), "utf8");
    await Promise.race([reading, Bun.sleep(LAST_OUTPUT_MS)]);
    reading.catch(() => undefined);
    await output.close().catch(() => undefined);
    return { exit: Number(ended.trim().split(" ").at(-1)), digest: await this.#digest() };
  }

  /** What kaniko reads: the source's own, or where variables have to be declared a copy that lies beside the source. */
  async #dockerfile(env: StageOrder["env"]): Promise<{ dockerfile: string; lineBefore(line: number): number }> {
    if (Object.keys(env).length === 0) return { dockerfile: "Dockerfile", lineBefore: (line) => line };
    const [from, dockerfile] = [`${STAGE_PATHS.volume}/source/Dockerfile`, this.#path("Dockerfile")];
    const text = await readFile(from, "utf8").catch((cause) => {
      throw new Fault("dockerfile_invalid", `the Dockerfile cannot be read: ${cause.message}`, { cause });
    });
    const { text: declared, lineBefore } = declare(text, env);
    await writeFile(dockerfile, declared);
    // Kaniko looks for it beside the Dockerfile.
    await rm(`${dockerfile}.dockerignore`, { force: true });
    if (existsSync(`${from}.dockerignore`)) await copyFile(`${from}.dockerignore`, `${dockerfile}.dockerignore`);
    return { dockerfile, lineBefore };
  }

  async #digest(): Promise<string | null> {
    try {
      return (await readFile(this.#path("digest"), "utf8")).trim();
    } catch {
      return null;
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

async function readLines(output: FileHandle, onLine: (line: string) => void): Promise<void> {
  const stream = output.readableWebStream() as ReadableStream<Uint8Array>;
  for await (const line of lines(stream)) onLine(line);
}

/** Root's files are taken away by root: this runs in the kaniko container. */
function script(folder: string, args: readonly string[], env: StageOrder["env"]): string {
  const variables = Object.entries({ ...env, DOCKER_CONFIG: `${folder}/docker` });
  return `cd /
rm -f ${folder}/digest
${variables.map(([name, value]) => `export ${name}=${quoted(value)}`).join("\n")}
/kaniko/executor ${args.map(quoted).join(" ")}
exit=$?
rm -f ${folder}/docker/config.json ${folder}/build.sh
exit $exit
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
