import { expect, test } from "bun:test";
import { GitCredential, GitUrl } from "./app.ts";

const why = (url: string) => GitUrl.safeParse(url).error?.issues[0]?.message;

test.each(["https://github.com/team/shop.git", "https://git.example.com:8443/a/b/c", "https://10.0.0.7/shop", "https://[fd12::7]/shop"])(
  "%s is a git URL",
  (url) => {
    expect(GitUrl.parse(url)).toBe(url);
  },
);

test.each([
  ["git@github.com:team/shop.git", "davit has no ssh keys; most servers have the same repository at https://github.com/team/shop.git"],
  ["ssh://git:s3cret@git.example.com:22/team/shop", "most servers have the same repository at https://git.example.com/team/shop"],
  ["http://git.example.com/shop", "without TLS anybody on the way can change the code"],
  ["https://ann:s3cret@git.example.com/shop", "must have no user name or password in it"],
  ["file:///srv/git/shop", "has to be a URL such as"],
  ["https://git.example.com/shop?token=s3cret", "has to be a URL such as"],
  ["https://git.example.com\\@evil.example.com/shop", "must have no user name"],
  ["https://git.example.com:99999/shop", "has to be a URL such as"],
  ["https:///shop", "has to be a URL such as"],
])("%s is none, and is told why without what is secret in it", (url, words) => {
  expect(why(url)).toContain(words);
  expect(why(url)).not.toContain("s3cret");
});

const credential = { host: "git.example.com", username: "ann", password: "secret" };

test.each([
  ["Git.Example.com:443", "git.example.com"],
  ["git.example.com:8443", "git.example.com:8443"],
])("a credential for %s is for %s", (host, meant) => expect(GitCredential.parse({ ...credential, host }).host).toBe(meant));

test.each([
  { host: "https://git.example.com" },
  { host: "git.example.com/team" },
  { host: "" },
  { username: "a:b" },
  { username: "" },
  { password: "two\nlines" },
  { password: "" },
  { ca: "certificate" },
])("%j is no part of a credential", (wrong) => expect(GitCredential.safeParse({ ...credential, ...wrong }).success).toBe(false));
