import { describe, expect, test } from "bun:test";
import { formatEnv, parseEnvFile } from "./env-file.ts";

describe("parseEnvFile", () => {
  test.each([
    ["A=1\nB=2", { A: "1", B: "2" }],
    ["\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["# comment\n\n   # another\nA=1", { A: "1" }],
    ["export A=1\n  B = 2  ", { A: "1", B: "2" }],
    ["A=\nB=''\nC=\"\"", { A: "", B: "", C: "" }],
    ["A=a#b\nB=a # comment\nC=# comment\nURL=http://x/#frag", { A: "a#b", B: "a", C: "", URL: "http://x/#frag" }],
    ["A='it is \"so\" \\n $B' # comment", { A: 'it is "so" \\n $B' }],
    ['A="a\\n\\t\\"b\\" \\\\ \\$x" ', { A: 'a\n\t"b" \\ $x' }],
    ['KEY="-----BEGIN\nline = 2\n-----END"\nB=1', { KEY: "-----BEGIN\nline = 2\n-----END", B: "1" }],
    ["A=don't\nB=a=b=c\nC=$HOME,x", { A: "don't", B: "a=b=c", C: "$HOME,x" }],
    ["constructor=1", { constructor: "1" }],
    ["", {}],
  ])("%j", (text, env) => {
    expect(parseEnvFile(text, ".env")).toEqual(env as Record<string, string>);
  });

  test.each([
    ["A=1\nB", ".env:2: the line is not NAME=VALUE"],
    ["1A=x", ".env:1: the line is not NAME=VALUE"],
    ["A-B=x", ".env:1: the line is not NAME=VALUE"],
    ["A=1\n\nA=2", ".env:3: the line sets A a second time"],
    ["__proto__=1", ".env:1: the line sets __proto__, which no variable can be called"],
    ["X=1\nA='open\nB=1", ".env:2: the line opens a ' that is never closed"],
    ['A="x" y', ".env:1: the line has text after the closing quote"],
    ['A="\\q"', '.env:1: the line has the unknown escape \'\\q\' (in "...": \\n \\r \\t \\" \\\\ \\$)'],
  ])("refuses %j", (text, message) => {
    expect(() => parseEnvFile(text, ".env")).toThrow(expect.objectContaining({ code: "usage", message }));
  });

  test("never shows a value", () => {
    for (const text of ["hunter2", "A='hunter2", "A=1\nA=hunter2"]) {
      expect(() => parseEnvFile(text, ".env")).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hunter2") }));
    }
  });
});

test("what formatEnv writes is read back as it was", () => {
  const env = { A: "", B: "plain", C: "a b", D: "a#b # c", E: "two\nlines\r\n", F: `"quotes" 'and' \\ $HOME`, G: " spaces ", H: "\ttab", I: "ü" };
  expect(parseEnvFile(formatEnv(env).join("\n"), ".env")).toEqual(env);
});
