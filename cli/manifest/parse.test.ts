import { describe, expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import { parseManifest } from "./parse.ts";

const file = { path: "/code/shop/davit.yml", shown: "davit.yml" };
const parse = (text: string) => parseManifest(text, file).map(({ settings }) => settings);

/** What is wrong, a line each. */
function complaints(text: string): string[] {
  try {
    parseManifest(text, file);
  } catch (error) {
    if (error instanceof Fault && error.code === "manifest_invalid") return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("a key's value", () => {
  test.each([
    ["name: shop", { name: "shop" }],
    ["namespace: team-a", { namespace: "team-a" }],
    ["source: {path: ../api}", { source: { kind: "path", root: "/code/api" } }],
    ["source: {path: /srv/api.tar.gz}", { source: { kind: "path", root: "/srv/api.tar.gz" } }],
    ["source: {git: {url: https://a.test/x.git}}", { source: { kind: "git", url: "https://a.test/x.git" } }],
    [
      "source: {git: {url: https://a.test/x, revision: 1.10, credential: bot}}",
      { source: { kind: "git", url: "https://a.test/x", revision: "1.10", credential: "bot" } },
    ],
    ["source: {image: registry.test/team/shop:1.2}", { source: { kind: "image", image: "registry.test/team/shop:1.2" } }],
    ["routes: [shop.test, a.test/shop]", { routes: ["shop.test", "a.test/shop"] }],
    ["routes: []", { routes: [] }],
    ["instances: 0", { instances: 0 }],
    ['instances: "3"', { instances: 3 }],
    ["port: 65535", { port: 65_535 }],
    [
      "env:\n  A: 1.10\n  B: no\n  C: 0x1F\n  D: 007\n  E: ''\n  F:\n  G: null\n  H: 2026-01-01\n  I: 'it''s: #1'",
      { env: { A: "1.10", B: "no", C: "0x1F", D: "007", E: "", F: "", G: "null", H: "2026-01-01", I: "it's: #1" } },
    ],
    ["env:\n  KEY: |\n    -----BEGIN\n    x\n", { env: { KEY: "-----BEGIN\nx\n" } }],
    ["configurations: [mail, db]", { configurations: ["mail", "db"] }],
    ["buildArgs: {VERSION: 1.10}", { buildArgs: { VERSION: "1.10" } }],
  ])("%j", (text, settings) => {
    expect(parse(text)).toEqual([settings as never]);
  });

  test("an anchor stands for what it names", () => {
    expect(parse("env: {A: &long some text, B: *long}\n")).toEqual([{ env: { A: "some text", B: "some text" } }]);
  });

  test("CRLF, a byte order mark and comments change nothing", () => {
    expect(parse("# shop\r\nname: shop # here\r\nenv:\r\n  A: |\r\n    x\r\n    y\r\n")).toEqual([{ name: "shop", env: { A: "x\ny\n" } }]);
  });
});

describe("a wrong value is named with its place", () => {
  const name = "has to be lower-case letters, digits and '-', starting with a letter";
  const url = "has to be a URL such as https://git.example.com/team/shop.git";
  const route = "has to be a host name with a dot, optionally followed by a path";
  test.each([
    ["name: Shop", `1:7: name ${name}`],
    [`name: ${"x".repeat(41)}`, "1:7: name is longer than 40 characters"],
    ["name: [a]", "1:7: name has to be a text"],
    ["name: a\nnamespace: 3", `2:12: namespace ${name}`],
    ["source: .", "1:9: source has to be keys with values"],
    ["source: {}", "1:9: source has to have one of path, git, image"],
    ["source:\n  path: .\n  image: a", "2:3: source has path and image, which cannot be given together"],
    ["source: {path: ''}", "1:16: source.path is empty"],
    ["source: {git: https://a.test}", "1:15: source.git has to be keys with values"],
    ["source: {git: {revision: main}}", "1:15: source.git.url is missing"],
    ["source: {git: {url: shop}}", `1:21: source.git.url ${url}`],
    ["source: {git: {url: 'git@a.test:x'}}", "1:21: source.git.url has to begin with https://"],
    ["source: {git: {url: https://a.test/x, revision: -x}}", "1:49: source.git.revision has to be a branch, a tag or a commit"],
    ["source: {git: {url: https://a.test/x, credential: A}}", `1:51: source.git.credential ${name}`],
    ["source: {image: 'a b'}", "1:17: source.image has to be an image"],
    ["routes: shop.test", "1:9: routes has to be a list"],
    ["routes:", "1:8: routes has to be a list"],
    ["routes:\n  - shop.test\n  - shop", `3:5: routes[1] ${route}`],
    [`routes: [${"a.b,".repeat(51)}]`, "1:9: routes has more than 50 entries"],
    ["instances: two", "1:12: instances has to be a whole number from 0 to 100"],
    ["instances: 1.5", "1:12: instances has to be a whole number from 0 to 100"],
    ["instances: 101", "1:12: instances has to be a whole number from 0 to 100"],
    ["port: 0", "1:7: port has to be a whole number from 1 to 65535"],
    ["env: [A=1]", "1:6: env has to be keys with values"],
    ["env:\n  A-B: 1", "2:3: env.A-B cannot be a name: it has to be letters, digits and '_'"],
    ["env:\n  A: [1]", "2:6: env.A has to be a text"],
    ["configurations: [a, B]", `1:21: configurations[1] ${name}`],
    ["buildArgs: x", "1:12: buildArgs has to be keys with values"],
    ["nmae: shop", "1:1: the key 'nmae' is not known; did you mean 'name'?"],
    ["name: shop\nreplicas: 2", "2:1: the key 'replicas' is not known; a manifest has name, namespace, source, routes"],
    ["source: {git: {url: https://a.test/x, branch: a}}", "1:39: the key 'branch' is not known; source.git has url, revision, credential"],
  ])("%j", (text, message) => {
    expect(complaints(text)).toEqual([expect.stringContaining(`davit.yml:${message}`)]);
  });

  test("all of them at once, in the order of the lines; of many the first ten", () => {
    expect(complaints("port: x\ninstance: 2\nenv: {A: [], 2: b}")).toEqual([
      "davit.yml:1:7: port has to be a whole number from 1 to 65535",
      "davit.yml:2:1: the key 'instance' is not known; did you mean 'instances'?",
      "davit.yml:3:10: env.A has to be a text",
      expect.stringMatching(/^davit\.yml:3:14: env\.2 cannot be a name/),
    ]);
    const many = complaints(Array.from({ length: 30 }, (_, number) => `unknown${number}: x`).join("\n"));
    expect([many.length, many.at(-1)]).toEqual([11, "and more"]);
  });

  test("the fault's details say where", () => {
    expect(() => parse("name: shop\nport: x")).toThrow(expect.objectContaining({ details: { file: "davit.yml", line: "2", column: "7" } }));
  });
});

describe("what is no manifest", () => {
  test.each([
    ["", "1:1: the manifest is empty"],
    ["# nothing yet\n", "1:1: the manifest is empty"],
    ["---\n---\n", "1:1: the manifest is empty"],
    ["- a", "1:1: the manifest has to be keys with values"],
    ["just text", "1:1: the manifest has to be keys with values"],
    ["env:\n\tA: 1", "2:1: a tab cannot indent: use spaces"],
    ["name: a\nport: 1\nname: b", "3:1: the key 'name' is here a second time"],
    ["env: {A: 1, A: 2}", "1:13: the key 'A' is here a second time"],
    ["? [a]\n: b", "1:3: a key has to be a text"],
    ["env: {__proto__: x}", "1:7: the key '__proto__' cannot be used"],
    ["<<: {name: a}", "1:1: the key '<<' is not known"],
    ["env: {A: *other}", "1:10: '*' refers to nothing before it"],
    ["env: {A: !shell ls}", "1:10: davit knows no tags"],
    ['env: {A: "\\p"}', "1:11: double quotes around a '\\'"],
    ["env:\n  A: b: c", "2:6: a mapping within a value"],
    ["env:\n  A: @home", "2:6: plain value cannot start with reserved character @"],
    ["name: 'shop", "1:12: missing closing"],
    ["routes: [a.b", "1:13: "],
  ])("%j", (text, message) => {
    expect(complaints(text)).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ["brackets without end", `a: ${"[".repeat(20_000)}`, ": nested too deeply"],
    ["many aliases", `a: &a [x]\nb: [${"*a, ".repeat(200)}]`, "2:405: there are more than 100 aliases"],
    ["aliases of aliases", bomb(), "1:1: its aliases repeat too much"],
  ])("%s", (_, text, message) => {
    expect(complaints(text)).toEqual([expect.stringContaining(message)]);
  });

  test("is never quoted: it may be a secret", () => {
    for (const text of [
      "env: {A: *hunter2}",
      "env: {A: !hunter2}",
      "env:\n  A: |hunter2\n  B: x",
      'env: {A: "\\hunter2"}',
      "source: {git: {url: https://hunter2@a.test}}",
    ]) {
      expect(complaints(text)).toEqual([expect.not.stringContaining("hunter2")]);
    }
  });

  test("cannot write to the terminal by a key", () => {
    expect(complaints('"\\e[2Jkey": x')[0]).toStartWith("davit.yml:1:1: the key 'key' is not known");
  });

  test("is told soon, whatever it is made of", () => {
    // Each of these takes a parser minutes that compares or looks up each with each.
    const keys = Array.from({ length: 20_000 }, (_, number) => `  K${number}: v`).join("\n");
    expect(Object.keys(parse(`env:\n${keys}`)[0]?.env ?? {}).length).toBe(20_000);
    expect(complaints(`a: &x 1\nb: [${"*x,".repeat(60_000)}]`)).toHaveLength(1);
    expect(complaints(Array.from({ length: 20_000 }, (_, number) => `k${number}: v`).join("\n"))).toHaveLength(11);
  });
});

describe("several apps", () => {
  test("are read in order; empty documents are none", () => {
    expect(parse("---\nname: a\n---\nname: b\nport: 80\n---\n")).toEqual([{ name: "a" }, { name: "b", port: 80 }]);
  });

  test.each([
    ["name: a\n---\nport: 1", "3:1: name is missing: a file with several apps has to name each"],
    ["name: a\n---\nname: a\nnamespace: b", "3:7: name: the app 'a' is in this file already"],
    ["name: a\n---\nname: b\nport: x", "4:7: port has to be"],
    ["name: a\n---\nname: [", "3:8: "],
  ])("%j", (text, message) => {
    expect(complaints(text)).toEqual([expect.stringContaining(`davit.yml:${message}`)]);
  });
});

/* Lists of eight aliases each, of the list before: 8^7 texts in seven lines. */
function bomb(): string {
  const lines = [..."bcdefg"].map((key, index) => `${key}: &${key} [${`*${"abcdef"[index]}, `.repeat(8)}]`);
  return ["a: &a [x, x, x, x, x, x, x, x]", ...lines].join("\n");
}
