import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { faultOf, tempTree } from "#shared/source/testing/temp-tree";
import { type Repository, repository, treeLine } from "#test/git-repository";
import { checkOut } from "./check-out.ts";
import { Budget, LIMITS } from "./limits.ts";
import { type Fetching, fetching } from "./testing/fetching.ts";
import { packOf } from "./testing/pack-of.ts";

/* What may be in a repository. */

const POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146f3f5a1b9\nsize 12345\n";
let at: Fetching;
let odd: Repository;
let blob: string;

beforeAll(async () => {
  at = await fetching();
  odd = await repository(at.repositories, "odd.git");
  blob = await odd.object("blob", "text");
});
afterAll(() => at[Symbol.asyncDispose]());

test("a link that leads out of the repository is refused", async () => {
  await odd.commit({ "a/link": { mode: "120000", text: "../../etc/passwd" } }, "link");
  expect(await faultOf(at.fetch("odd.git", "link"))).toMatchObject({ code: "source_link", details: { path: "a/link" } });
});

test("ignore rules count as they do for a folder", async () => {
  await odd.commit({ ".gitignore": "*.log\n", "debug.log": "x", "app.txt": "y" }, "ignore");
  expect(at.files((await at.fetch("odd.git", "ignore")).tree)).toEqual({ ".gitignore": "*.log\n", "app.txt": "y" });
  await odd.commit({ ".davitignore": "*\n", "app.txt": "y" }, "nothing");
  expect(await faultOf(at.fetch("odd.git", "nothing"))).toMatchObject({
    code: "source_empty",
    message: "the commit has no files, or all of them are ignored",
  });
});

test("a file that Git LFS keeps is refused, unless it is ignored", async () => {
  await odd.commit({ "img/logo.png": POINTER }, "lfs");
  expect(await faultOf(at.fetch("odd.git", "lfs"))).toMatchObject({ code: "git_refused", details: { path: "img/logo.png" } });
  await odd.commit({ ".davitignore": "img\n", "app.txt": "y" }, "lfs");
  expect((await at.fetch("odd.git", "lfs")).files).toBe(2);
});

test.each([
  ["a folder above", "40000", ".."],
  ["a file above", "100644", ".."],
  ["the folder itself", "40000", "."],
  ["git's own folder", "40000", ".git"],
  ["a path as a name", "100644", "a/b"],
  ["no name at all", "100644", ""],
  ["a device", "060000", "disk"],
  ["a file for a folder", "100644", "in"],
  ["a link to nowhere", "120000", "link"],
])("a repository that has %s, which git would not make, is refused", async (_, mode, name) => {
  using folder = tempTree();
  const inner = await odd.object("tree", treeLine("100644", "text", blob));
  const nothing = await odd.object("blob", "");
  const line = treeLine(mode, name, mode === "40000" || name === "in" ? inner : mode === "120000" ? nothing : blob);
  const made = await odd.commitTree(line, "made");
  using pack = await packOf(odd, [made, await odd.git("rev-parse", `${made}^{tree}`), inner, blob, nothing]);
  const checkedOut = checkOut(pack, made, folder.folder("to"), new Budget(LIMITS), () => undefined);
  expect((await faultOf(checkedOut)).code).toBe("tree_invalid");
});

test("a repository that has a name twice is refused", async () => {
  await odd.commitTree(Buffer.concat([treeLine("100644", "a", blob), treeLine("100644", "a", blob)]), "twice");
  expect((await faultOf(at.fetch("odd.git", "twice"))).code).toBe("tree_invalid");
});

test("a link is not followed by what the same repository puts below it", async () => {
  const outside = join(at.repositories, "outside");
  const link = await odd.object("blob", at.repositories);
  const inner = await odd.object("tree", treeLine("100644", "outside", blob));
  await odd.commitTree(Buffer.concat([treeLine("120000", "a", link), treeLine("40000", "a", inner)]), "through");
  expect((await faultOf(at.fetch("odd.git", "through"))).code).toBe("tree_invalid");
  expect(existsSync(outside)).toBe(false);
});

test("a name that is not UTF-8 is refused by name", async () => {
  await odd.commitTree(treeLine("100644", new Uint8Array([0x61, 0xff]), blob), "latin");
  expect((await faultOf(at.fetch("odd.git", "latin"))).code).toBe("source_name");
});

test("a folder that contains itself over and over ends at the limit", async () => {
  let tree = await odd.object("tree", treeLine("100644", "f", blob));
  for (let depth = 0; depth < 12; depth++)
    tree = await odd.object("tree", Buffer.concat(["a", "b", "c", "d"].map((name) => treeLine("40000", name, tree))));
  const top = treeLine("40000", "bomb", tree);
  await odd.commitTree(top, "bomb");
  const fault = await faultOf(at.fetch("odd.git", "bomb", { limits: { entries: 1000 } }));
  expect(fault).toMatchObject({ code: "git_too_large", message: "it has more than 1000 files" });
});

test("a file that is larger than one may be, and files that are so together, end at the limit", async () => {
  await odd.commit({ "large.txt": "x".repeat(200_000), "small.txt": "y" }, "large");
  expect((await faultOf(at.fetch("odd.git", "large", { limits: { object: 100_000 } }))).code).toBe("git_too_large");
  expect((await faultOf(at.fetch("odd.git", "large", { limits: { checkedOut: 100_000 } }))).code).toBe("git_too_large");
  expect((await at.fetch("odd.git", "large")).bytes).toBe(200_001);
});

test("a tag of something that is no commit is told so", async () => {
  await odd.git("tag", "blob", blob);
  expect(await faultOf(at.fetch("odd.git", "blob"))).toMatchObject({ code: "git_revision_not_found", message: `'${blob}' is a blob and no commit` });
});

test("submodules are fetched, by whole and by relative URLs, and the submodules of submodules too", async () => {
  const lib = await repository(at.repositories, "lib.git");
  const inner = await repository(at.repositories, "inner.git");
  const innerCommit = await inner.commit({ "i.txt": "inner" });
  await inner.commit({ "i.txt": "newer" });
  const libCommit = await lib.commit({
    ".gitmodules": `[submodule "i"]\n\tpath = deep/i\n\turl = ${at.server.origin}/inner.git\n`,
    "deep/i": { mode: "160000", commit: innerCommit },
    "l.txt": "lib",
  });
  await odd.commit(
    {
      ".gitmodules": '[submodule "lib"]\n  path = "vendor/lib"\n  url = ../lib.git\n  branch = main\n',
      "vendor/lib": { mode: "160000", commit: libCommit },
      unnamed: { mode: "160000", commit: libCommit },
      "app.txt": "app",
    },
    "modules",
  );
  const files = at.files((await at.fetch("odd.git", "modules")).tree);
  expect(files).toMatchObject({ "app.txt": "app", "vendor/lib/l.txt": "lib", "vendor/lib/deep/i/i.txt": "inner", unnamed: "(folder)" });
});

test.each([
  ["git@git.test:team/lib.git", "git_refused", "has to begin with https://"],
  ["http://git.test/lib.git", "git_refused", "has to begin with https://"],
  ["../no-such.git", "git_repository_not_found", "submodule lib: "],
])("a submodule at %s is refused with its name", async (url, code, words) => {
  const commit = "1".repeat(40);
  await odd.commit({ ".gitmodules": `[submodule "lib"]\npath = lib\nurl = ${url}\n`, lib: { mode: "160000", commit } }, "refused");
  const fault = await faultOf(at.fetch("odd.git", "refused"));
  expect(fault.code).toBe(code);
  expect(fault.message).toContain("lib");
  expect(fault.message).toContain(words);
});

test("a repository that is a submodule of itself ends at the limit", async () => {
  const url = "./";
  const first = await odd.commit(
    { ".gitmodules": `[submodule "s"]\npath = s\nurl = ${url}\n`, s: { mode: "160000", commit: "2".repeat(40) } },
    "self",
  );
  const second = await odd.commit({ s: { mode: "160000", commit: first } }, "self");
  await odd.commit({ s: { mode: "160000", commit: second } }, "self");
  expect((await faultOf(at.fetch("odd.git", "self", { limits: { repositories: 1 } }))).code).toBe("git_too_large");
});
