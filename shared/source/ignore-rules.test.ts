import { describe, expect, test } from "bun:test";
import { type TempTree, tempTree } from "./testing/temp-tree.ts";
import { walkSource } from "./walk.ts";

/* What git itself would take from the directory, untouched by the machine's own git settings. */
function listedByGit(path: string): string[] {
  const env = { PATH: process.env.PATH ?? "", HOME: path, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  Bun.spawnSync(["git", "init", "-q"], { cwd: path, env });
  const { stdout, exitCode } = Bun.spawnSync(["git", "ls-files", "-z", "-co", "--exclude-standard"], { cwd: path, env });
  expect(exitCode).toBe(0);
  return stdout.toString().split("\0").filter(Boolean).sort();
}

async function listedByUs(path: string): Promise<string[]> {
  const entries = await walkSource(path);
  return entries.filter((entry) => entry.kind !== "directory").map((entry) => entry.path);
}

async function expectAsGit(tree: TempTree): Promise<void> {
  tree.write("zzz-always-there");
  expect(await listedByUs(tree.path)).toEqual(listedByGit(tree.path));
}

// biome-ignore format: a list of names
const FILES = [
  "a.log", "b.txt", "dist/x.js", "src/dist/y.js", "src/a.log", "src/deep/er/a.log", "src/deep/b.txt", "foo/bar/baz.txt", "foo/keep.me", "foo/bar/keep.me",
  "logs/today.log", "logs/important.log", "build", "src/build/out.o", "name with space", "trailing ", "#hash", "!bang", "a[b].txt", "ab.txt", "a*b", "axb",
  "x/y/z/deep.txt", "x/z/near.txt", "UPPER.LOG", ".env", ".env.example", ".config/x", "tmp/.keep", "tmp/a/b", "back\\slash", "é.txt", "1.o", "2.o", "c.o", "]", "-dash",
  "new\nline.txt", "vendor/a/vendor/b", "src/vendor/c", "a/b/c/d", "a/c/d", "abc/def/x", "packages/one/node_modules/m/index.js", "packages/one/lib/index.js", "a?b", "a\tb",
];

const CASES: [string, Record<string, string>][] = [
  ["no rules", {}],
  ["a name matches at every level", { ".gitignore": "dist\n*.log\n" }],
  ["a leading slash anchors", { ".gitignore": "/dist\n/a.log\n" }],
  ["an inner slash anchors", { ".gitignore": "src/dist\ndeep/er\n" }],
  ["a trailing slash means directories only", { ".gitignore": "build/\n" }],
  ["negation", { ".gitignore": "*.log\n!important.log\n" }],
  ["negation before what it negates", { ".gitignore": "!important.log\n*.log\n" }],
  ["nothing comes back from an ignored directory", { ".gitignore": "logs/\n!logs/important.log\n" }],
  ["something comes back from a directory's contents", { ".gitignore": "logs/*\n!logs/important.log\n" }],
  ["all but a few", { ".gitignore": "/*\n!/src\n/src/*\n!/src/deep\n" }],
  ["everything", { ".gitignore": "*\n!zzz-always-there\n" }],
  ["everything but directories", { ".gitignore": "*\n!*/\n!*.txt\n!zzz*\n" }],
  ["double star in front", { ".gitignore": "**/dist\n**/deep/er/*.log\n" }],
  ["double star at the end", { ".gitignore": "foo/**\n!foo/keep.me\n" }],
  ["double star in the middle", { ".gitignore": "x/**/*.txt\na/**/d\n" }],
  ["double star as a name's part", { ".gitignore": "ab**\na**c/def\n" }],
  ["double star and slash", { ".gitignore": "**/\n" }],
  ["question mark and classes", { ".gitignore": "?.o\n[!12].o\na[[]b].txt\n" }],
  ["negated and ranged classes", { ".gitignore": "[1-9].o\n![2].o\n[]]\n[-]dash\n" }],
  ["posix classes", { ".gitignore": "[[:digit:]].o\n[[:upper:]]*\n" }],
  ["an unfinished class", { ".gitignore": "a[b\n[\n" }],
  ["comments and blanks", { ".gitignore": "# *\n\n   \n\\#hash\n\\!bang\n" }],
  ["trailing spaces", { ".gitignore": "name with space   \ntrailing\\ \nb.txt \n" }],
  ["backslashes", { ".gitignore": "back\\\\slash\na\\*b\n\\a.log\nb.txt\\\n" }],
  ["a tab is no space", { ".gitignore": "a\tb\nb.txt\t\n" }],
  ["CRLF and no last newline", { ".gitignore": "*.log\r\ndist/\r\n*.o" }],
  ["a byte order mark", { ".gitignore": "\uFEFF*.log\n" }],
  ["case counts", { ".gitignore": "*.LOG\nUpper*\n" }],
  ["dots", { ".gitignore": ".*\n!.env.example\n!.gitignore\n" }],
  ["the rules ignore themselves", { ".gitignore": ".gitignore\n*.o\n" }],
  ["a name with a newline", { ".gitignore": "new*\n" }],
  ["not ASCII", { ".gitignore": "é*\n" }],
  ["a slash alone, dots alone", { ".gitignore": "/\n.\n..\n./a.log\n../a.log\n//\n" }],
  ["a nested file for its own level", { "src/.gitignore": "/a.log\n/deep/*.txt\n" }],
  ["a nested file for all below", { "src/.gitignore": "*.log\n" }],
  ["a nested file brings a file back", { ".gitignore": "*.log\n", "src/.gitignore": "!a.log\n" }],
  [
    "a nested file brings a directory back",
    { ".gitignore": "er\nvendor\n*.log\n", "src/.gitignore": "!vendor\n", "src/deep/.gitignore": "!er/\n!er/*\n" },
  ],
  ["a directory comes back with part of what is in it", { ".gitignore": "deep\nb.txt\n", "src/.gitignore": "!deep\n" }],
  ["a directory comes back, and its level speaks of what is in it", { ".gitignore": "deep\n!*.log\n", "src/.gitignore": "!deep\n" }],
  ["a directory comes back, but its level ignores what is in it", { ".gitignore": "src/deep\nsrc/deep/er\n", "src/.gitignore": "!/deep\n" }],
  ["a nested file ignores what the root keeps", { ".gitignore": "!*.txt\n", "foo/bar/.gitignore": "*.txt\n" }],
  ["rules inside an ignored directory do not count", { ".gitignore": "foo\n", "foo/.gitignore": "!keep.me\n" }],
  ["three levels", { ".gitignore": "*.txt\n", "foo/.gitignore": "!*.txt\n", "foo/bar/.gitignore": "baz*\n" }],
  ["one directory of the name inside another", { ".gitignore": "/vendor/*/vendor\n" }],
  [
    "what people have",
    { ".gitignore": "node_modules/\ndist/\n.env*\n!.env.example\n/build\n*.py[co]\n**/__pycache__/\ntmp/*\n!tmp/.keep\nsrc/generated/**\n*~\n" },
  ],
  [
    "folders with special characters",
    { ".gitignore": "deep\n", "we[i]rd *?/.gitignore": "!deep\n", "we[i]rd *?/deep/file": "", "we[i]rd *?/!deep/file": "" },
  ],
];

describe("ignore rules, as git understands them", () => {
  test.each(CASES)("%s", async (_, rules) => {
    using tree = tempTree({ ...Object.fromEntries(FILES.map((name) => [name, name])), ...rules });
    await expectAsGit(tree);
  });

  test("made-up rule files on three levels", async () => {
    const random = seeded(7);
    const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
    const parts = ["a", "b", "c", "*", "?", "**", "[ab]", "[!a]", "a*", "*b", "\\a", "a\\*", "b[", "[[:alpha:]]"];
    const line = () => {
      const body = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(parts)).join("/");
      return pick(["", "", "", "!"]) + pick(["", "", "/"]) + body + pick(["", "", "/", " "]);
    };
    const text = () => Array.from({ length: 1 + Math.floor(random() * 4) }, line).join("\n");
    const names = ["a", "b", "c", "ab", "ba", "a*"];
    const files = names.flatMap((one) => names.flatMap((two) => [`d${one}/${two}`, `${one}/${two}/x`, `${one}/${two}/a/${one}`]));
    using tree = tempTree(files);
    for (let round = 0; round < 60; round++) {
      for (const at of ["", "a/", "a/b/", "b/"]) tree.write(`${at}.gitignore`, `${text()}\n!/zzz*\n`);
      await expectAsGit(tree);
    }
  });
});

describe("ignore rules beyond git's", () => {
  const listed = async (files: Record<string, string>) => {
    using tree = tempTree(files);
    return listedByUs(tree.path);
  };

  test("histories and .DS_Store are left out at every level", async () => {
    const files = await listed({ "a/.git": "gitdir: elsewhere", ".git/HEAD": "", ".hg/x": "", "b/.svn/x": "", "b/.DS_Store": "", "b/.github/x": "" });
    expect(files).toEqual(["b/.github/x"]);
  });

  test("a manifest is no source at the top, unless .davitignore says so", async () => {
    const files = { "davit.yml": "", "epinio.yaml": "", "a/davit.yml": "", b: "" };
    expect(await listed(files)).toEqual(["a/davit.yml", "b"]);
    expect(await listed({ ...files, ".davitignore": "!/davit.yml\n" })).toEqual([".davitignore", "a/davit.yml", "b", "davit.yml"]);
  });

  test(".gitignore cannot bring a history back, .davitignore can", async () => {
    const files = { ".gitignore": "!.*\n", ".git/HEAD": "", a: "" };
    expect(await listed(files)).toEqual([".gitignore", "a"]);
    expect(await listed({ ...files, ".davitignore": "!.git\n" })).toEqual([".davitignore", ".git/HEAD", ".gitignore", "a"]);
  });

  test(".davitignore overrules every .gitignore, at the root only", async () => {
    const files = {
      ".gitignore": "dist\n",
      ".davitignore": "!dist\n*.md\n",
      "a/.gitignore": "!*.md\n",
      "a/x.md": "",
      "dist/x": "",
      "b/.davitignore": "y\n",
      "b/y": "",
    };
    expect(await listed(files)).toEqual([".davitignore", ".gitignore", "a/.gitignore", "b/.davitignore", "b/y", "dist/x"]);
  });

  test(".epinioignore counts where there is no .davitignore", async () => {
    const files = { ".epinioignore": "secret\n", secret: "", dump: "" };
    expect(await listed(files)).toEqual([".epinioignore", "dump"]);
    expect(await listed({ ...files, ".davitignore": "dump\n" })).toEqual([".davitignore", ".epinioignore", "secret"]);
  });

  test(".dockerignore is the builder's", async () => {
    expect(await listed({ ".dockerignore": "*\n", a: "" })).toEqual([".dockerignore", "a"]);
  });

  test("a .gitignore that is no file has no rules", async () => {
    expect(await listed({ ".gitignore/x": "", a: "" })).toEqual([".gitignore/x", "a"]);
  });
});

/* mulberry32: the same rules in every run, so that a failure can be found again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
