import { expect, test } from "bun:test";
import { parseArguments } from "./args.ts";

test.each([
  [["up"], { command: "up" }],
  [["up", "--nodes", "2"], { command: "up", nodes: 2 }],
  [["status", "-o", "json"], { command: "status", output: "json" }],
  [["env", "--context", "mine"], { command: "env", context: "mine" }],
  [["--context=mine", "env"], { command: "env", context: "mine" }],
  [["load", "a.tar", "b.tar"], { command: "load", files: ["a.tar", "b.tar"] }],
  [[], { command: "help" }],
  [["up", "--help"], { command: "help" }],
])("%j is understood", (argv, expected) => {
  expect(parseArguments(argv)).toMatchObject(expected);
});

test.each([
  [["fly"], "unknown command fly"],
  [["up", "--fast"], "unknown option --fast"],
  [["load"], "load needs the path"],
  [["up", "now"], "up takes no argument (got now)"],
  [["status", "-o", "yaml"], "-o is text or json, not yaml"],
  [["up", "--nodes", "0"], "--nodes is 1 to 4, not 0"],
  [["up", "--nodes=two"], "--nodes is 1 to 4, not two"],
  [["down", "--nodes", "2"], "--nodes is for up and reset"],
  [["up", "--nodes", "2", "--context", "mine"], "--nodes is for up and reset"],
  [["env", "--context"], "--context needs a value"],
  [["reset", "--context", "mine"], "leave out --context"],
])("%j is refused", (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
});
