import { describe, expect, test } from "bun:test";
import { FAULT_CODES, Fault } from "#shared/fault";
import { buildCli } from "../cli.ts";
import { describeFault, printFault, reportError } from "./fault.ts";
import { findCommand } from "./usage.ts";

const DETAILS = {
  app: "shop",
  namespace: "apps",
  path: "a/b",
  server: "https://a.test",
  port: "8080",
  url: "http://shop.test",
  suggestion: "shop",
  command: "push",
};

function recorder() {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    signal: new AbortController().signal,
    lines: { out, err },
  };
}

describe("words", () => {
  test.each(FAULT_CODES)("%s has a title and a next step", (code) => {
    for (const details of [{}, DETAILS]) {
      const { title, next } = describeFault(new Fault(code, "why", { details }));
      expect(title).not.toBe("");
      expect(next).not.toBe("");
      expect(`${title}${next}`).not.toContain("undefined");
    }
  });

  test("every command and option in them exists", async () => {
    const definitions = (await buildCli()).definitions();
    for (const code of FAULT_CODES) {
      for (const details of [{}, DETAILS]) {
        for (const [, command = ""] of describeFault(new Fault(code, "why", { details })).next.matchAll(/`davit ([^`]+)`/g)) {
          if (command.startsWith("help")) continue;
          const words = command.split(" ");
          const { definition } = findCommand(words, definitions);
          expect({ code, command, known: definition !== undefined }).toEqual({ code, command, known: true });
          const options = definition?.options.flatMap((option) => option.definition.split(" ")[0]?.split(",") ?? []) ?? [];
          // What comes after `--` is another program's.
          const own = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
          for (const word of own.filter((each) => each.startsWith("-"))) expect(options).toContain(word);
        }
      }
    }
  });

  test("whoever found the fault may know better what comes next", () => {
    expect(describeFault(new Fault("interrupted", "why", { details: { next: "sing" } })).next).toBe("sing");
  });
});

describe("reportError", () => {
  test("prints what, why and next on stderr, the fault as JSON on stdout, and gives its exit code", () => {
    const context = recorder();
    expect(reportError(context, new Fault("app_not_found", "there is no app 'shop'"), { json: true, verbose: false })).toBe(3);
    expect(context.lines.err.join("\n")).toMatchInlineSnapshot(`
      "davit: no such app (app_not_found)
        why:  there is no app 'shop'
        next: \`davit app list\` shows what is there"
    `);
    expect(JSON.parse(context.lines.out.join("\n"))).toEqual({ fault: { code: "app_not_found", message: "there is no app 'shop'" } });
  });

  test("what is no fault is a bug, with version and stack, down to its cause", () => {
    const context = recorder();
    const error = new TypeError("x is not a function", { cause: new Error("deeper") });
    expect(reportError(context, error, { json: false, verbose: false })).toBe(1);
    const text = context.lines.err.join("\n");
    expect(text).toContain("davit: this is a bug in davit (bug)\n  why:  x is not a function\n        davit 0.0.0-dev, ");
    expect(text).toContain("TypeError: x is not a function");
    expect(text).toContain("fault.test.ts");
    expect(text).toContain("Error: deeper");
    expect(text).toContain("please report it");
  });

  test("after ^C whatever breaks is an interruption", () => {
    const context = { ...recorder(), signal: AbortSignal.abort() };
    expect(reportError(context, new Error("socket closed"), { json: false, verbose: false })).toBe(130);
  });

  test("log lines from the cluster cannot touch the terminal", () => {
    const context = recorder();
    printFault(context, new Fault("app_crashed", "why", { details: { log: "\x1b[2Jgone\x07\nold\rnew\ttab" } }), { verbose: false });
    expect(context.lines.err).toContain("        | gone");
    expect(context.lines.err).toContain("        | new  tab");
  });
});
