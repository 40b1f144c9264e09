import { existsSync } from "node:fs";
import { mkdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { markUsed, removeUnused } from "./cache.ts";
import { buildFlags, type Component, cacheKey, components, sourcesOf } from "./components.ts";
import { ClusterError } from "./fail.ts";
import type { Layout } from "./layout.ts";
import { locked } from "./lock.ts";

const here = import.meta.dir;

export type Built = { component: Component; binary: string };

/** Every component's binary, built where the cache has none; links in `layout.bin` name them as they are called. */
export async function buildAll(layout: Layout, say: (line: string) => void): Promise<Built[]> {
  return (await missingComponents(layout)).length > 0 ? building(layout, say, () => ensureBuilt(layout, say)) : ensureBuilt(layout, say);
}

export type Cache = Pick<Layout, "cache" | "archives" | "buildLock">;

/** Runs `work` while nobody else makes something for the cache, which all clusters have in common. */
export async function building<T>(layout: Cache, say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  await mkdir(layout.cache, { recursive: true });
  const waiting = () => say("waiting for another up, which builds");
  return locked(layout.buildLock, work, { holder: "up, which builds,", minutes: 60, waiting });
}

async function ensureBuilt(layout: Layout, say: (line: string) => void): Promise<Built[]> {
  const built: Built[] = [];
  const missing = await missingComponents(layout);
  if (missing.length > 0) say(`building ${missing.length} of ${components.length} servers; the first time this takes up to 20 minutes on two cores`);
  for (const [index, component] of components.entries()) {
    const binary = await binaryOf(layout, component);
    const label = `[${index + 1}/${components.length}] ${component.name}`;
    if (!existsSync(binary)) await build(component, binary, label, say);
    else if (missing.length > 0) say(`${label} … (cached)`);
    await markUsed(dirname(binary));
    for (const name of component.names) await link(binary, join(layout.bin, name));
    built.push({ component, binary });
  }
  if (missing.length > 0) await removeUnused(layout.cache, (name) => components.some((component) => isVersionOf(component, name)));
  return built;
}

const isVersionOf = (component: Component, folder: string): boolean => new RegExp(`^${component.name}-[0-9a-f]{12}$`).test(folder);

export async function missingComponents(layout: Layout): Promise<Component[]> {
  const binaries = await Promise.all(components.map((component) => binaryOf(layout, component)));
  return components.filter((_, index) => !existsSync(binaries[index] ?? ""));
}

async function binaryOf(layout: Layout, component: Component): Promise<string> {
  const files = sourcesOf(component).map(async (path) => ({ path, text: await Bun.file(join(here, path)).text() }));
  const key = cacheKey(component, await Promise.all(files), process.arch);
  return join(layout.cache, `${component.name}-${key}`, component.name);
}

/** Go keeps what it compiled in its own cache, so a build that was interrupted goes on from there. */
async function build(component: Component, binary: string, label: string, say: (line: string) => void): Promise<void> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const alive = setInterval(() => say(`${label} … ${seconds()} s`), 30_000);
  const unfinished = `${binary}.${process.pid}.part`;
  await mkdir(join(binary, ".."), { recursive: true });
  try {
    const child = Bun.spawn(["go", "build", ...buildFlags, "-o", unfinished, component.package], {
      cwd: join(here, component.module),
      // GOWORK and GOFLAGS of the user's own projects do not belong into this build.
      env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [message, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    if (code !== 0) throw new ClusterError(`${component.name} could not be built; up goes on from here when run again:\n${lastLines(message)}`);
    await rename(unfinished, binary);
    say(`${label} … ${seconds()} s`);
  } finally {
    clearInterval(alive);
    await rm(unfinished, { force: true });
  }
}

async function link(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => "")) === target) return;
  await mkdir(join(path, ".."), { recursive: true });
  const unfinished = `${path}.${process.pid}.part`;
  await symlink(target, unfinished);
  await rename(unfinished, path);
}

const lastLines = (text: string): string => text.trim().split("\n").slice(-8).join("\n");
