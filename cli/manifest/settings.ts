import type { PushSource } from "../push/source.ts";
import type { AppSettings } from "./merge.ts";
import type { ManifestDocument } from "./schema.ts";

/** A document's settings in davit's terms, whichever keys it is written with; `toRoot` makes a path of it absolute. */
export function settingsOf(document: ManifestDocument, toRoot: (path: string) => string): AppSettings {
  const { name, namespace, port, buildArgs, configuration = {} } = document;
  return withoutAbsent({
    name,
    namespace,
    source: sourceOf(document, toRoot),
    routes: document.routes ?? configuration.routes,
    instances: document.instances ?? configuration.instances,
    port,
    env: document.env ?? configuration.environment,
    configurations: document.configurations ?? configuration.configurations,
    buildArgs,
  });
}

function sourceOf({ source, origin }: ManifestDocument, toRoot: (path: string) => string): PushSource | undefined {
  const image = source?.image ?? origin?.container;
  if (image !== undefined) return { kind: "image", image };
  if (source?.git) return { kind: "git", ...withoutAbsent(source.git) };
  if (origin?.git) {
    const { url, revision, branch, gitconfig } = origin.git;
    return { kind: "git", ...withoutAbsent({ url, revision: revision ?? branch, credential: gitconfig }) };
  }
  const path = source?.path ?? origin?.path;
  return path === undefined ? undefined : { kind: "path", root: toRoot(path) };
}

/** Epinio's keys that a document has and that mean nothing to davit, with what to do instead. */
export function unusedKeys({ staging, origin, configuration = {} }: ManifestDocument): string[] {
  const reasons: [key: string, value: unknown, why: string][] = [
    ["staging.builder", staging?.builder, "davit builds the source's Dockerfile"],
    ["origin.git.provider", origin?.git?.provider, "davit speaks to every git server in the same way"],
    ["configuration.appchart", configuration.appchart, "davit has no app charts"],
    ["configuration.settings", configuration.settings, "davit has no app charts"],
    ["configuration.services", configuration.services, "davit has no services yet"],
    ["configuration.ignore", configuration.ignore, "write its lines into .davitignore"],
    ["configuration.replace_env", configuration.replace_env, "`davit push --unset-env NAME` takes a variable away"],
    ["configuration.environment_grouped", configuration.environment_grouped, "davit reads configuration.environment"],
  ];
  return reasons.flatMap(([key, value, why]) => (value === undefined ? [] : [`${key} is not used: ${why}`]));
}

type Present<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/* zod's optional keys may be there with undefined in them; ours are absent. */
function withoutAbsent<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
