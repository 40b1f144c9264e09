import { existsSync } from "node:fs";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { building, type Cache } from "./build.ts";
import { markUsed, removeUnused } from "./cache.ts";
import { type Component, cacheKey, sourcesOf } from "./components.ts";
import { run } from "./exec.ts";

/** Modules that have CustomResourceDefinitions, in a folder of theirs. */
const sources = [
  { module: "github.com/cert-manager/cert-manager", folder: "deploy/crds" },
  { module: "sigs.k8s.io/gateway-api", folder: "config/crd/standard" },
];

const here = import.meta.dir;
const component: Component = { name: "crds", module: "servers", package: JSON.stringify(sources), names: [], sources: [] };

/** All CustomResourceDefinitions of the add-ons, as a manifest: those of the very versions that the servers are built from. */
export async function ensureCrds(layout: Cache, say: (line: string) => void): Promise<string> {
  const files = sourcesOf(component).map(async (path) => ({ path, text: await Bun.file(join(here, path)).text() }));
  const path = join(layout.cache, `crds-${cacheKey(component, await Promise.all(files), "any")}.yaml`);
  if (!existsSync(path)) await building(layout, say, () => write(layout.cache, path));
  await markUsed(path);
  return Bun.file(path).text();
}

async function write(cache: string, path: string): Promise<void> {
  if (existsSync(path)) return;
  const texts = (await Promise.all(sources.map(textsOf))).flat();
  await removeUnused(cache, (name) => name.startsWith("crds-"));
  const unfinished = `${path}.${process.pid}.part`;
  await Bun.write(unfinished, definitions(texts));
  await rename(unfinished, path);
}

async function textsOf({ module, folder }: (typeof sources)[number]): Promise<string[]> {
  const env = { ...process.env, GOWORK: "off", GOFLAGS: "" };
  const { Dir } = JSON.parse(await run(["go", "mod", "download", "-json", module], { cwd: join(here, component.module), env }));
  const names = (await readdir(join(Dir, folder))).filter((name) => name.endsWith(".yaml")).sort();
  return Promise.all(names.map((name) => Bun.file(join(Dir, folder, name)).text()));
}

/** Those of the given manifests, without the prose that is most of their megabyte and that the API server would keep in memory. */
export function definitions(manifests: readonly string[]): string {
  const objects = manifests.flatMap((manifest) => Bun.YAML.parse(manifest) as { kind?: string } | { kind?: string }[]);
  const wanted = objects.filter((object) => object?.kind === "CustomResourceDefinition");
  return wanted
    .map((object) => JSON.stringify(object, (key, value) => (key === "description" && typeof value === "string" ? undefined : value)))
    .join("\n---\n");
}

type Definition = { spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] } };

/** The API paths at which the custom resources are served once the API server has taken the definitions in. */
export function servedPaths(manifest: string): string[] {
  const objects = manifest.split("\n---\n").map((text) => JSON.parse(text) as Definition);
  return objects.flatMap(({ spec }) =>
    spec.versions.filter(({ served }) => served).map(({ name }) => `/apis/${spec.group}/${name}/${spec.names.plural}`),
  );
}
