import { expect, test } from "bun:test";
import { parseGitmodules, submodulesOf } from "./submodules.ts";

const commit = "1".repeat(40);
const urlOf = (url: string, base: string) => submodulesOf([{ path: "lib", commit }], `[submodule "lib"]\npath = lib\nurl = ${url}\n`, base)[0]?.url;

test("the format of git's configuration is read", () => {
  const text = `
; a comment
[core]
\tpath = not/this
\turl = https://not.example.com/this.git
[submodule "one"]
\tpath = vendor/one
\turl = https://git.example.com/one.git
\tbranch = main
  [submodule "two"] # written by hand
    PATH = "vendor/two \\"2\\""
    url=https://git.example.com/two.git   ; its home
[submodule "three"]
\tpath = no/url
`;
  expect([...parseGitmodules(text)]).toEqual([
    ["vendor/one", "https://git.example.com/one.git"],
    ['vendor/two "2"', "https://git.example.com/two.git"],
  ]);
});

test.each([
  ["../lib.git", "https://git.example.com/team/shop.git", "https://git.example.com/team/lib.git"],
  ["../lib.git", "https://git.example.com/team/shop.git/", "https://git.example.com/team/lib.git"],
  ["../../other/lib", "https://git.example.com:8443/team/shop", "https://git.example.com:8443/other/lib"],
  ["./lib", "https://git.example.com/team/shop", "https://git.example.com/team/shop/lib"],
  ["../../../../..//evil.example.com/lib", "https://git.example.com/team/shop", "https://git.example.com//evil.example.com/lib"],
  ["https://other.example.com/lib.git", "https://git.example.com/team/shop.git", "https://other.example.com/lib.git"],
])("%s in %s is %s", (url, base, meant) => expect(urlOf(url, base)).toBe(meant));

test.each([
  "//evil.example.com/lib",
  "/srv/git/lib",
  "file:///etc",
  "git://git.example.com/lib",
  "ext::sh -c id",
  "-u https://x/y",
  "https://a:b@git.example.com/lib",
])("%s is refused", (url) => expect(() => urlOf(url, "https://git.example.com/team/shop.git")).toThrow('the URL of the submodule "lib"'));
