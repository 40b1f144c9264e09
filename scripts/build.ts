import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import type { BaseLayer } from "../cli/image/base-layer.ts";
import manifest from "../package.json" with { type: "json" };
import { makeBaseLayer } from "./build/base-layer.ts";

const root = join(import.meta.dir, "..");
const TARGETS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "windows-x64"] as const;
type Target = (typeof TARGETS)[number];

const usage = `usage: bun run build [--target ${TARGETS.join("|")}|all] [--entry FILE] [--outdir DIR]
Without --target: dist/davit for linux-x64; with it: dist/davit-TARGET. All of them are listed in dist/sha256sums.`;

type Order = { target: Target; entry: string; outfile: string };

/**
 * Compiles one executable and gives its real path (Windows adds .exe). It is made in a folder of its own: the source maps that
 * Bun writes beside it go (it holds them itself), and a davit that is running just now is replaced, not overwritten.
 */
async function build(order: Order): Promise<string> {
  const outdir = dirname(order.outfile);
  await mkdir(outdir, { recursive: true });
  const work = await mkdtemp(join(outdir, ".build-"));
  try {
    const made = await compile({ ...order, outfile: join(work, basename(order.outfile)) });
    const path = join(outdir, basename(made));
    await rename(made, path);
    return path;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compile({ target, entry, outfile }: Order): Promise<string> {
  const result = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "esm", // bytecode with top-level await needs it
    minify: true,
    bytecode: true,
    // What a command imports lazily stays in files of its own: `davit version` takes 10 ms then, and 23 as one large file.
    splitting: true,
    sourcemap: "linked",
    define: { DAVIT_VERSION: JSON.stringify(manifest.version), "process.env.NODE_ENV": '"production"' },
    plugins: [withBaseLayer(target), ...(existsSync(join(root, "node_modules/ink")) ? [withoutDevtools] : [])],
    compile: {
      // The exact version: a compiled file of another patch release would be another program.
      target: `bun-${target}-v${Bun.version}` as Bun.Build.CompileTarget,
      outfile,
      // By default a compiled file reads all of these from the folder it is started in, and runs bunfig.toml's preload.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  const path = result.outputs.find((output) => output.kind === "entry-point")?.path;
  if (path === undefined) throw new Error(`nothing was built for ${target}`);
  return path;
}

/** Linux executables make the agent's image from themselves; what lies under them in it is gathered now and embedded. */
function withBaseLayer(target: Target): BunPlugin {
  const architecture = target === "linux-x64" ? "amd64" : target === "linux-arm64" ? "arm64" : undefined;
  return {
    name: "base-layer",
    setup(build) {
      if (architecture === undefined) return;
      build.onLoad({ filter: /cli\/image\/base-layer\.ts$/ }, async () => {
        const layer = await makeBaseLayer(architecture).catch((error: unknown) => {
          process.stderr.write(
            `${target}: "davit image" will refuse to work, there is no base layer: ${error instanceof Error ? error.message : String(error)}\n`,
          );
        });
        return { loader: "ts", contents: layer ? embedding(layer) : "export const baseLayer = null;" };
      });
    },
  };
}

const embedding = ({ file, ...facts }: BaseLayer): string =>
  `import file from ${JSON.stringify(file)} with { type: "file" };\nexport const baseLayer = { file, ...${JSON.stringify(facts)} };`;

/** ink imports it for a debugger that nobody has; without a stand-in a compiled file dies at its start. */
const withoutDevtools: BunPlugin = {
  name: "without-react-devtools",
  setup(build) {
    build.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "react-devtools-core", namespace: "stub" }));
    build.onLoad({ filter: /.*/, namespace: "stub" }, () => ({
      loader: "js",
      contents: "export default { initialize() {}, connectToDevTools() {} };",
    }));
  },
};

/** In the form that `sha256sum --check` reads. */
async function writeSums(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^davit(-|$)/.test(name)).sort();
  const lines = names.map(async (name) => {
    const hash = createHash("sha256");
    for await (const chunk of Bun.file(join(folder, name)).stream()) hash.update(chunk);
    return `${hash.digest("hex")}  ${name}\n`;
  });
  await Bun.write(join(folder, "sha256sums"), (await Promise.all(lines)).join(""));
}

function orders(argv: string[]): { list: Order[]; outdir: string } {
  const { values } = parseArgs({ args: argv, options: { target: { type: "string" }, entry: { type: "string" }, outdir: { type: "string" } } });
  const outdir = values.outdir ?? join(root, "dist");
  const entry = values.entry ?? join(root, "cli/main.ts");
  if (values.target === undefined) return { list: [{ target: "linux-x64", entry, outfile: join(outdir, "davit") }], outdir };
  const chosen = TARGETS.filter((target) => values.target === "all" || values.target === target);
  if (chosen.length === 0) throw new Error(`unknown target ${values.target}\n${usage}`);
  return { list: chosen.map((target) => ({ target, entry, outfile: join(outdir, `davit-${target}`) })), outdir };
}

async function main(argv: string[]): Promise<void> {
  const { list, outdir } = orders(argv);
  for (const order of list) {
    const started = performance.now();
    const path = await build(order);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stdout.write(`${path} ${(Bun.file(path).size / 1e6).toFixed(1)} MB, ${seconds} s\n`);
  }
  await writeSums(outdir);
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof AggregateError ? error.errors.join("\n") : error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
