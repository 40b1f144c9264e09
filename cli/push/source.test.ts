import { describe, expect, test } from "bun:test";
import { readSourceFlags, type SourceFlags } from "./source.ts";

describe("the flags that name a source", () => {
  test.each<[SourceFlags, ReturnType<typeof readSourceFlags>]>([
    [{}, undefined],
    [{ path: "../api" }, { kind: "path", root: "/code/api" }],
    [{ path: "/srv/api.tar" }, { kind: "path", root: "/srv/api.tar" }],
    [{ git: "https://git.test/team/shop" }, { kind: "git", url: "https://git.test/team/shop" }],
    [{ git: "https://git.test/team/shop,feature/a" }, { kind: "git", url: "https://git.test/team/shop", revision: "feature/a" }],
    [
      { git: "https://git.test/shop,1.10", gitCredential: "bot" },
      { kind: "git", url: "https://git.test/shop", revision: "1.10", credential: "bot" },
    ],
    [{ image: "registry.test/team/shop:1.2" }, { kind: "image", image: "registry.test/team/shop:1.2" }],
  ])("%j", (flags, source) => {
    expect(readSourceFlags(flags, "/code/shop")).toEqual(source);
  });

  test.each<[SourceFlags, string]>([
    [{ path: ".", git: "https://git.test/x" }, "--path and --git cannot be given together: an app has one source"],
    [{ path: ".", image: "a" }, "--path and --image cannot be given together"],
    [{ git: "https://git.test/x", image: "a" }, "--git and --image cannot be given together"],
    [{ path: ".", git: "https://git.test/x", image: "a" }, "--path and --git and --image cannot be given together"],
    [{ git: "a,b,c" }, "--git takes URL or URL,REVISION"],
    [{ git: "https://git.test/x," }, "--git takes URL or URL,REVISION"],
    [{ git: "shop" }, "the URL of --git has to be a URL such as"],
    [{ git: "" }, "the URL of --git has to be a URL such as"],
    [{ git: "file:///etc" }, "the URL of --git has to be a URL such as"],
    [{ git: "https://git.test/x,-x" }, "the revision of --git has to be a branch, a tag or a commit"],
    [{ gitCredential: "bot" }, "--git-credential says how to read the repository of --git"],
    [{ git: "https://git.test/x", gitCredential: "Bot" }, "--git-credential 'Bot' has to be"],
    [{ image: "a b" }, "--image has to be an image in lower case, such as"],
    [{ image: "" }, "--image has to be an image in lower case, such as"],
  ])("%j is refused", (flags, message) => {
    expect(() => readSourceFlags(flags, "/code")).toThrow(expect.objectContaining({ code: "usage", message: expect.stringContaining(message) }));
  });

  test("a password in a URL is not shown", () => {
    for (const git of ["https://ann:hunter2@git.test/x", "https://hunter2@git.test/x,main", "ssh://ann:hunter2@git.test/x"])
      expect(() => readSourceFlags({ git }, "/")).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hunter2") }));
  });
});
