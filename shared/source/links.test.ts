import { describe, expect, test } from "bun:test";
import { Fault } from "../fault.ts";
import { checkLinks } from "./links.ts";

const check = (links: Record<string, string>) => () => checkLinks(new Map(Object.entries(links)));

describe("links that are kept", () => {
  test.each<[string, Record<string, string>]>([
    ["beside it", { a: "b" }],
    ["up and down again", { "x/y/a": "../../z/b" }],
    ["to the root itself", { "x/a": ".." }],
    ["to nothing", { a: "no/such/file" }],
    ["through another", { a: "b", b: "c/d", "c/e": "../a" }],
    ["to its own folder, which is a circle only to those who descend", { "x/a": "." }],
  ])("%s", (_, links) => {
    expect(check(links)).not.toThrow();
  });
});

describe("links that are refused", () => {
  test.each<[string, Record<string, string>, string, string]>([
    ["absolute", { a: "/etc/passwd" }, "a", "leads out of the source"],
    ["above the root", { "x/a": "../../b" }, "x/a", "leads out of the source"],
    ["out and in again", { a: "../here/b" }, "a", "leads out of the source"],
    ["out by way of another", { "x/y/up": "../..", l: "x/y/up/../secret" }, "l", "leads out of the source"],
    ["to itself", { a: "a" }, "a", "leads back to itself"],
    ["to each other", { a: "x/b", "x/b": "../a" }, "a", "leads back to itself"],
    ["below itself", { a: "a/b" }, "a", "leads back to itself"],
  ])("%s", (_, links, path, why) => {
    expect(check(links)).toThrow(Fault);
    expect(check(links)).toThrow(`the link ${JSON.stringify(path)} -> ${JSON.stringify(links[path])} ${why}`);
  });
});
