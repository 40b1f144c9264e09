import { expect, test } from "bun:test";
import { join } from "node:path";
import { manifestJsonSchema } from "#cli/manifest/json-schema";
import { davit, loggedIn } from "#test/cli";

/*
 * Every key of a manifest is given values that are wrong. Each time davit has to say at once which key it is, in which line,
 * and what is allowed, before the agent is asked. A new key needs a line here.
 */

const LABEL = "has to be lower-case letters, digits and '-', starting with a letter";
const KEYS = "has to be keys with values";
const LIST = "has to be a list";
const URL_WORDS = "has to be a URL such as https://git.example.com/team/shop.git";
const names: WrongValue[] = [
  ...["Shop", "1shop", "-shop", "shop-", "my shop", "shop.test", "shop\n", "shöp", ""].map((value): WrongValue => [value, LABEL]),
  ["x".repeat(51), "is longer than"],
  [["a"], "has to be a text"],
];
const revisions: WrongValue[] = [
  ["-x", "has to be a branch, a tag or a commit"],
  ["a b", "has to be a branch"],
  ["x".repeat(251), "is longer than 250 characters"],
];
const urls: WrongValue[] = [
  ["shop", URL_WORDS],
  ["http://a.test/x", "has to begin with https://"],
  ["https://me:pw@a.test/x", "must have no user name or password"],
];
const images: WrongValue[] = ["a b", "Shop", "http://a.test/shop", "shop:", "shop@sha256:1"].map(
  (value): WrongValue => [value, "has to be an image in lower case"],
);
const paths: WrongValue[] = [
  ["", "is empty"],
  [["a"], "has to be a text"],
];
const counts: WrongValue[] = ["-1", "101", "many", "1.5", ""].map((value) => [value, "has to be a whole number from 0 to 100"]);
const routes: WrongValue[] = [
  ["shop.test", LIST],
  [["shop"], "[0] has to be a host name with a dot"],
  [Array(51).fill("a.test"), "has more than 50 entries"],
];
const variables: WrongValue[] = [
  ["A=1", KEYS],
  [["A=1"], KEYS],
  [{ "A-B": "1" }, ".A-B cannot be a name"],
  [{ A: ["1"] }, ".A has to be a text"],
];
const configurations: WrongValue[] = [
  ["mail", LIST],
  [["Mail"], `[0] ${LABEL}`],
  [Array(51).fill("mail"), "has more than 50 entries"],
];

type WrongValue = readonly [value: unknown, says: string];

/** Every key of a manifest with values that are wrong, and what is said of each. */
const MANIFEST: Readonly<Record<string, readonly WrongValue[]>> = {
  name: names,
  namespace: names,
  source: [
    [".", KEYS],
    [{}, "has to have one of path, git, image"],
    [{ path: ".", image: "a" }, "has path and image, which cannot be given together"],
  ],
  "source.path": paths,
  "source.git": [
    ["https://a.test/x", KEYS],
    [{}, ".url is missing"],
  ],
  "source.git.url": urls,
  "source.git.revision": revisions,
  "source.git.credential": names,
  "source.image": images,
  routes,
  instances: counts,
  port: ["0", "65536", "http", ""].map((value) => [value, "has to be a whole number from 1 to 65535"]),
  env: variables,
  configurations,
  buildArgs: variables,
  origin: [
    [".", KEYS],
    [{ path: ".", container: "a" }, "has path and container, which cannot be given together"],
  ],
  "origin.path": paths,
  "origin.archive": [["maybe", "has to be true or false"]],
  "origin.git": [["https://a.test/x", KEYS]],
  "origin.git.url": urls,
  "origin.git.revision": revisions,
  "origin.git.branch": revisions,
  "origin.git.gitconfig": names,
  "origin.git.provider": [[["github"], "has to be a text"]],
  "origin.container": images,
  configuration: [["mail", KEYS]],
  "configuration.instances": counts,
  "configuration.routes": routes,
  "configuration.environment": variables,
  "configuration.configurations": configurations,
  staging: [["paketo", KEYS]],
};

const EPINIOS = "Epinio's; davit reads past it and says so";
/** Keys of which no value is wrong, and why. */
const ANYTHING: Readonly<Record<string, string>> = {
  "configuration.appchart": EPINIOS,
  "configuration.settings": EPINIOS,
  "configuration.services": EPINIOS,
  "configuration.ignore": EPINIOS,
  "configuration.replace_env": EPINIOS,
  "configuration.environment_grouped": EPINIOS,
  "staging.builder": EPINIOS,
};

interface Schema {
  properties?: Record<string, Schema>;
}

const keysOf = ({ properties = {} }: Schema, above = ""): string[] =>
  Object.entries(properties).flatMap(([name, schema]) => [`${above}${name}`, ...keysOf(schema, `${above}${name}.`)]);
const manifestKeys = keysOf(manifestJsonSchema() as Schema);

test.each(manifestKeys.filter((path) => !(path in ANYTHING)))("a wrong value of the manifest's %s", async (path) => {
  const rows = MANIFEST[path];
  if (!rows) throw new Error(`the manifest's ${path} has no line in this file: say which values of it are wrong`);
  await using world = await loggedIn();
  for (const [value, says] of rows) {
    const steps = path.split(".");
    const document = steps.reduceRight<unknown>((inner, step) => ({ [step]: inner }), value);
    await Bun.write(join(world.home.source, "davit.yml"), JSON.stringify(document, null, 2));
    const { code, err } = await davit(world.home, ["push"]);
    const lines = err.split("\n").filter((line) => line.includes("davit.yml:") && line.includes(`: ${path}`) && line.includes(says));
    expect([value, code, lines.length]).toEqual([value, 19, 1]);
    // Each key has a line of its own, the first of them the second; a value's parts come after it.
    expect(Number(/davit\.yml:(\d+):\d+: /.exec(lines[0] ?? "")?.[1])).toBeGreaterThan(steps.length);
  }
  expect(world.agent.requests).toEqual([]);
});

test("no line is of a key that is not there any more", () => {
  expect([...Object.keys(MANIFEST), ...Object.keys(ANYTHING)].filter((path) => !manifestKeys.includes(path))).toEqual([]);
});
