import type { PushRequest } from "#shared/app";
import type { PushSource } from "../push/source.ts";

/** What the flags, or a manifest, say an app is to be. What one of them does not speak of is absent. */
export interface AppSettings extends Pick<PushRequest, "routes" | "instances" | "port" | "env" | "configurations" | "bind" | "buildArgs"> {
  name?: string;
  namespace?: string;
  source?: PushSource;
}

export type Origin = "flag" | "manifest";

type Named = "env" | "buildArgs" | "configurations";

/** Where each setting of a {@link MergedPlan} comes from; of those that have members, each member by its name. */
export type Origins = { [Key in Exclude<keyof AppSettings, Named | "bind">]?: Origin } & Record<Named, Record<string, Origin>>;

export interface MergedPlan {
  settings: AppSettings;
  origins: Origins;
}

/**
 * The settings of a push: a flag wins over the manifest, variable by variable where there are several, and --bind adds
 * to the manifest's configurations. What neither says is left to what the app has.
 */
export function mergePlan(flags: AppSettings, manifest: AppSettings): MergedPlan {
  const env = { ...manifest.env, ...flags.env };
  const buildArgs = { ...manifest.buildArgs, ...flags.buildArgs };
  return {
    settings: {
      ...manifest,
      ...flags,
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(Object.keys(buildArgs).length > 0 ? { buildArgs } : {}),
    },
    origins: {
      ...from("manifest", Object.keys(manifest)),
      ...from("flag", Object.keys(flags)),
      env: { ...from("manifest", Object.keys(manifest.env ?? {})), ...from("flag", Object.keys(flags.env ?? {})) },
      buildArgs: { ...from("manifest", Object.keys(manifest.buildArgs ?? {})), ...from("flag", Object.keys(flags.buildArgs ?? {})) },
      configurations: { ...from("manifest", manifest.configurations ?? []), ...from("flag", flags.bind ?? []) },
    },
  };
}

function from(origin: Origin, names: readonly string[]): Record<string, Origin> {
  return Object.fromEntries(names.map((name) => [name, origin]));
}
