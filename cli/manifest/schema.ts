import { z } from "zod";
import { AppName, ConfigurationName, EnvName, GitRevision, GitUrl, ImageRef, NamespaceName, Route } from "#shared/app";

/*
 * davit reads YAML as text (parse.ts): `1.10` stays 1.10 and `no` stays no. Editors, which use the JSON Schema made from
 * this, see a number or a boolean there.
 */
const ANY_SCALAR = { type: ["string", "number", "boolean"] };
const Text = z.string().meta(ANY_SCALAR);
const Path = z.string().min(1, "is empty");

const Env = z.record(EnvName, Text);
const Configurations = z.array(ConfigurationName).max(50);
const Instances = whole(0, 100);
const Revision = GitRevision.meta(ANY_SCALAR);

const Git = z.strictObject({
  url: GitUrl.describe("The repository: an https:// URL without a user name or password in it."),
  revision: Revision.optional().describe("A branch, a tag or a commit (default: the repository's default branch)."),
  credential: ConfigurationName.optional().describe("The namespace's git credential for a private repository."),
});

const SOURCES = ["path", "git", "image"] as const;
const Source = z
  .strictObject({
    path: Path.optional().describe("A folder or an archive, from where the manifest is."),
    git: Git.optional().describe("A git repository that the cluster fetches."),
    image: ImageRef.optional().describe("A ready image; nothing is built."),
  })
  .superRefine(oneOf(SOURCES, true))
  .meta({ minProperties: 1, maxProperties: 1 });

const EpinioGit = z.strictObject({
  url: GitUrl.describe("As `source.git.url`."),
  revision: Revision.optional().describe("As `source.git.revision`."),
  branch: Revision.optional().describe("As `source.git.revision`, when there is no `revision`."),
  gitconfig: ConfigurationName.optional().describe("As `source.git.credential`."),
  provider: Text.optional().describe("Not used."),
});

const EpinioOrigin = z
  .strictObject({
    path: Path.optional().describe("As `source.path`."),
    archive: z.stringbool("has to be true or false").optional().describe("Not needed: davit sees what the path is.").meta({ type: "boolean" }),
    git: EpinioGit.optional().describe("As `source.git`."),
    container: ImageRef.optional().describe("As `source.image`."),
  })
  .superRefine(oneOf(["path", "git", "container"], false));

const EpinioConfiguration = z.strictObject({
  instances: Instances.optional().describe("As `instances`."),
  routes: z
    .array(z.preprocess((route) => (typeof route === "string" ? route.replace(/^https?:\/\//, "") : route), Route))
    .max(50)
    .optional()
    .describe("As `routes`."),
  environment: Env.optional().describe("As `env`."),
  configurations: Configurations.optional().describe("As `configurations`."),
  appchart: z.unknown().optional().describe("Not used: davit has no app charts."),
  settings: z.unknown().optional().describe("Not used: davit has no app charts."),
  services: z.unknown().optional().describe("Not used: davit has no services yet."),
  ignore: z.unknown().optional().describe("Not used: .gitignore and .davitignore say what stays behind."),
  replace_env: z.unknown().optional().describe("Not used: variables that are not named stay; `davit push --unset-env` takes one away."),
  environment_grouped: z.unknown().optional().describe("Not used: Epinio only writes it."),
});

const old = { deprecated: true };

/** One app of a davit.yml: davit's keys, and those of Epinio's epinio.yml. */
export const ManifestDocument = z
  .strictObject({
    name: AppName.optional().describe("The app's name (default: the source folder's). Needed when the file has several apps."),
    namespace: NamespaceName.optional().describe("The namespace that the app is in."),
    source: Source.optional().describe("What is pushed (default: the folder that the manifest is in)."),
    routes: z
      .array(Route)
      .max(50)
      .optional()
      .describe("Where the app answers, HOST or HOST/PATH (default: the app's name below the cluster's domain); [] for nowhere."),
    instances: Instances.optional().describe("How many instances run."),
    port: whole(1, 65_535).optional().describe("Where the app listens; it is told in $PORT."),
    env: Env.optional().describe("Environment variables, beside those that the app has."),
    configurations: Configurations.optional().describe("The configurations that the app gets."),
    buildArgs: Env.optional().describe("ARGs for the Dockerfile."),
    origin: EpinioOrigin.optional().describe("Epinio's key for `source`.").meta(old),
    configuration: EpinioConfiguration.optional().describe("Epinio's key for what stands at the top here.").meta(old),
    staging: z
      .strictObject({ builder: z.unknown().optional().describe("Not used: davit builds the source's Dockerfile.") })
      .optional()
      .describe("Epinio's key for how the source is built.")
      .meta(old),
  })
  .superRefine(saysNothingTwice);
export type ManifestDocument = z.infer<typeof ManifestDocument>;

/** davit's key and Epinio's for the same thing. */
const TWINS: readonly [keyof ManifestDocument, readonly ["origin"] | readonly ["configuration", keyof z.infer<typeof EpinioConfiguration>]][] = [
  ["source", ["origin"]],
  ["routes", ["configuration", "routes"]],
  ["instances", ["configuration", "instances"]],
  ["env", ["configuration", "environment"]],
  ["configurations", ["configuration", "configurations"]],
];

function saysNothingTwice(document: ManifestDocument, context: z.RefinementCtx): void {
  for (const [own, [key, inner]] of TWINS) {
    const epinios = inner === undefined ? document[key] : document.configuration?.[inner];
    if (document[own] === undefined || epinios === undefined) continue;
    const path = inner === undefined ? [key] : [key, inner];
    context.addIssue({ code: "custom", path, message: `says the same as '${own}': keep one of them` });
  }
}

/* Of several ways to say where the source is, one. */
function oneOf<Key extends string>(keys: readonly Key[], needed: boolean) {
  return (value: Partial<Record<Key, unknown>>, context: z.RefinementCtx) => {
    const given = keys.filter((key) => value[key] !== undefined);
    if (given.length > 1) context.addIssue({ code: "custom", message: `has ${given.join(" and ")}, which cannot be given together` });
    if (given.length === 0 && needed) context.addIssue({ code: "custom", message: `has to have one of ${keys.join(", ")}` });
  };
}

function whole(least: number, most: number) {
  const words = `has to be a whole number from ${least} to ${most}`;
  const number = z.int(words).min(least, words).max(most, words);
  return z.preprocess((text) => (typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : text), number);
}
