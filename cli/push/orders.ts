import { dirname } from "node:path";
import { Fault } from "#shared/fault";
import { isFolder, type ManifestFile, manifestIn, namedManifest } from "../manifest/find.ts";
import { type AppSettings, type MergedPlan, mergePlan } from "../manifest/merge.ts";
import type { ManifestApp } from "../manifest/parse.ts";
import { type NamedApp, nameApp } from "./name.ts";
import { type PushFlags, readSettings } from "./settings.ts";
import type { PushSource } from "./source.ts";

/** One app to push: what flags and manifest together say of it. */
export interface PushOrder extends MergedPlan {
  flags: PushFlags;
  app: NamedApp;
  source: PushSource;
  timeoutMs: number | undefined;
  /** The manifest's path, as messages have it. */
  manifest?: string;
  /** What of the manifest is not used, and why. */
  notices: readonly string[];
}

const NO_MANIFEST: ManifestApp = { settings: {}, notices: [] };

/**
 * What the command line asks to be pushed: the app of the flags, or each app of the manifest, in order.
 * @throws Fault usage, name_invalid, manifest_invalid
 */
export async function readOrders(flags: PushFlags, cwd: string): Promise<PushOrder[]> {
  const { app, timeoutMs } = readSettings(flags, cwd);
  const file = findManifest(flags, app.source, cwd);
  const apps = file ? await readApps(file) : [NO_MANIFEST];
  const home = file ? dirname(file.path) : cwd;
  return choose(apps, flags, file).map((manifest) => {
    const plan = mergePlan(app, manifest.settings);
    const source = plan.settings.source ?? { kind: "path", root: home };
    return {
      ...plan,
      flags,
      app: nameApp(plan.settings.name, source),
      source,
      timeoutMs,
      ...(file ? { manifest: file.shown } : {}),
      notices: manifest.notices.map((notice) => `${file?.shown}: ${notice}`),
    };
  });
}

/** The one that is named; else that of the folder that is pushed, and for what is no folder that of the current one. */
function findManifest(flags: PushFlags, source: AppSettings["source"], cwd: string): ManifestFile | undefined {
  if (flags.manifest !== undefined) return namedManifest(flags.manifest, cwd);
  return manifestIn(source?.kind === "path" && isFolder(source.root) ? source.root : cwd, cwd);
}

/* A push without a manifest does without YAML. */
async function readApps(file: ManifestFile): Promise<ManifestApp[]> {
  const { readManifest } = await import("../manifest/read.ts");
  return readManifest(file);
}

/** Of several apps --name takes one; without it all of them are pushed, and a flag that can be meant for one only is a mistake. */
function choose(apps: readonly ManifestApp[], flags: PushFlags, file: ManifestFile | undefined): readonly ManifestApp[] {
  if (apps.length < 2) return apps;
  const names = apps.map(({ settings }) => settings.name).join(", ");
  const one = apps.filter(({ settings }) => settings.name === flags.name);
  if (one.length > 0) return one;
  if (flags.name !== undefined) throw usage("--name", `${file?.shown} has no app '${flags.name}'; it has ${names}`);
  const single = { "--attach": flags.attach, "--path": flags.path, "--git": flags.git, "--image": flags.image, "--route": flags.route[0] };
  const [flag] = Object.entries(single).find(([, given]) => given) ?? [];
  if (flag !== undefined) throw usage(flag, `${flag} is for one app, and ${file?.shown} has ${names}: choose one with --name`);
  return apps;
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}
