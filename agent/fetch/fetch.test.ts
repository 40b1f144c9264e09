import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readTree } from "#shared/source/read-tree";
import { faultOf, tempTree } from "#shared/source/testing/temp-tree";
import { treeId } from "#shared/tree";
import { type Repository, repository } from "#test/git-repository";
import { type Fetching, fetching } from "./testing/fetching.ts";

const LATER = { "app.txt": "later" };

describe.each([
  ["protocol version 2", false],
  ["protocol version 0", true],
])("a repository served by %s", (_, old) => {
  let at: Fetching;
  let shop: Repository;
  let first: string;
  let second: string;
  let third: string;

  beforeAll(async () => {
    at = await fetching({ old });
    shop = await repository(at.repositories, "shop.git");
    first = await shop.commit({
      "app.txt": "first",
      "run.sh": { mode: "100755", text: "#!/bin/sh" },
      "in/a/link": { mode: "120000", text: "../../app.txt" },
    });
    await shop.git("tag", "-m", "the first", "v1", first);
    await shop.git("tag", "-m", "a tag of a tag", "v1-again", "v1");
    await shop.git("tag", "light", first);
    second = await shop.commit({ "app.txt": "second", "run.sh": null });
    await shop.git("branch", "both", first);
    await shop.git("tag", "both", second);
    third = await shop.commit(LATER, "feature/x");
  });
  afterAll(() => at[Symbol.asyncDispose]());

  test.each([
    ["no revision, the default branch", undefined, () => second],
    ["HEAD", "HEAD", () => second],
    ["a branch", "main", () => second],
    ["a branch with a slash", "feature/x", () => third],
    ["a branch by its full name", "refs/heads/main", () => second],
    ["an annotated tag", "v1", () => first],
    ["a tag of a tag", "v1-again", () => first],
    ["a light tag", "light", () => first],
  ])("is fetched at %s", async (_, revision, commit) => {
    expect((await at.fetch("shop.git", revision)).commit).toBe(commit());
  });

  test("is fetched at a commit that no branch and no tag is at, by its full id and by its beginning", async () => {
    await shop.commit({ "app.txt": "buried" }, "buried");
    const buried = await shop.git("rev-parse", "buried");
    await shop.commit({ "app.txt": "on top" }, "buried");
    expect((await at.fetch("shop.git", buried)).commit).toBe(buried);
    expect((await at.fetch("shop.git", buried.toUpperCase())).commit).toBe(buried);
    const short = await at.fetch("shop.git", buried.slice(0, 7));
    expect(short.commit).toBe(buried);
    expect(at.files(short.tree)).toEqual({ "app.txt": "buried" });
  });

  test("gives files, modes and links as they are in git, and nothing of its history", async () => {
    const { tree, files, bytes } = await at.fetch("shop.git", "v1");
    expect(at.files(tree)).toEqual({ "app.txt": "first", "run.sh": "(755) #!/bin/sh", "in/a/link": "-> ../../app.txt" });
    expect({ files, bytes }).toEqual({ files: 2, bytes: 14 });
  });

  test("is the same tree as a folder with the same files", async () => {
    using folder = tempTree({ "app.txt": "second", "in/a/x": "" });
    const { tree } = await at.fetch("shop.git", "main");
    await Bun.$`rm ${folder.path}/in/a/x && ln -s ../../app.txt ${folder.path}/in/a/link`;
    expect(tree).toBe(treeId((await readTree({ root: folder.path })).entries));
  });

  test("sends nothing the second time", async () => {
    await at.fetch("shop.git", "main");
    const before = at.agent.packs;
    await at.fetch("shop.git", "main");
    expect(at.agent.packs).toBe(before);
  });

  test("has a tag and a branch of one name: the tag is taken, which is told, and the branch can be named", async () => {
    at.reports.length = 0;
    expect((await at.fetch("shop.git", "both")).commit).toBe(second);
    expect(at.reports.map((report) => (report.type === "notice" ? report.message : ""))).toContain(
      "'both' is a tag and a branch: the tag is taken, as git does; heads/both means the branch",
    );
    expect((await at.fetch("shop.git", "heads/both")).commit).toBe(first);
  });

  test.each(["nothing", "tags/main", "1234567", "f".repeat(40)])("does not have the revision %s, which is told", async (revision) => {
    const fault = await faultOf(at.fetch("shop.git", revision));
    expect(fault.code).toBe("git_revision_not_found");
    expect(fault.message).toContain(`'${revision}'`);
  });

  test("says what there is instead of a branch that is not", async () => {
    expect((await faultOf(at.fetch("shop.git", "mian"))).message).toMatch(/has no branch, tag or commit 'mian'; it has both, .* and \d+ more/);
  });

  test("is fetched without its history, however long that is, unless a commit can be found by it only", async () => {
    const long = await repository(at.repositories, "long.git");
    await long.commits(5000);
    const early = (await long.git("rev-parse", "main~4000")).slice(0, 10);
    const little = { limits: { received: 20_000 } };
    expect((await at.fetch("long.git", "main", little)).files).toBe(50);
    expect((await faultOf(at.fetch("long.git", early, little))).code).toBe("git_too_large");
    expect((await at.fetch("long.git", early)).commit).toStartWith(early);
  }, 60_000);

  test("is empty, or has an unborn default branch, which is told", async () => {
    const empty = await repository(at.repositories, "empty.git");
    expect(await faultOf(at.fetch("empty.git"))).toMatchObject({ code: "git_revision_not_found", message: "the repository is empty" });
    await empty.commit(LATER, "develop");
    expect((await faultOf(at.fetch("empty.git"))).message).toBe("the repository has no default branch; it has develop");
    expect((await at.fetch("empty.git", "develop")).files).toBe(1);
  });
});

test("the beginning of a commit's id costs the commits only, where the server can leave out the files", async () => {
  await using at = await fetching();
  const full = await repository(at.repositories, "full.git");
  const wanted = await full.commit({ "large.bin": randomBytes(300_000) });
  await full.commit({ "large.bin": randomBytes(300_000) });
  const little = { limits: { received: 400_000 } };
  expect((await faultOf(at.fetch("full.git", wanted.slice(0, 8), little))).code).toBe("git_too_large");
  await full.git("config", "uploadpack.allowFilter", "true");
  expect((await at.fetch("full.git", wanted.slice(0, 8), little)).commit).toBe(wanted);
});

test("what is the beginning of two commits' ids is not guessed at", async () => {
  await using at = await fetching();
  const twins = await repository(at.repositories, "twins.git");
  const tree = await twins.object("tree", "");
  const seen = new Map<string, string>();
  for (let number = 0; ; number++) {
    const text = `tree ${tree}\nauthor dev <dev@example.com> 1700000000 +0000\ncommitter dev <dev@example.com> 1700000000 +0000\n\n${number}\n`;
    const prefix = new Bun.CryptoHasher("sha1").update(`commit ${text.length}\0${text}`).digest("hex").slice(0, 7);
    const other = seen.get(prefix);
    seen.set(prefix, text);
    if (other === undefined) continue;
    const ids = [await twins.object("commit", other), await twins.object("commit", text)];
    await twins.git("tag", "one", ids[0] ?? "");
    await twins.git("tag", "two", ids[1] ?? "");
    const fault = await faultOf(at.fetch("twins.git", prefix));
    expect(fault.code).toBe("git_revision_not_found");
    for (const id of ids) expect(fault.message).toContain(id);
    break;
  }
});
