import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildCli, COMMAND_PATHS } from "#cli/cli";
import type { Context } from "#cli/context";
import { FAULT_WORDS } from "#cli/report/fault-words";
import { FAULT_CODES, Fault } from "#shared/fault";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dir, "../..");
const read = (name: string): string => readFileSync(join(root, name), "utf8");
const executable = (path: string): boolean => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o111) !== 0;
const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "docs/apps.md",
  "docs/doctor.md",
  "docs/exit-codes.md",
  "docs/external.md",
  "docs/gateway.md",
  "docs/gc.md",
  "docs/security.md",
  "docs/git.md",
  "docs/manifest.md",
  "docs/proxy.md",
  "docs/source.md",
  "docs/tls.md",
  "docs/configurations.md",
  "docs/epinio.md",
];

/** Every `davit …` that a reader could type: lines of code blocks, and code within a sentence. */
function commandsIn(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, block = ""]) => block.split("\n"));
  const inline = [...markdown.replaceAll(/^```.*?^```/gms, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
  return [...blocks, ...inline]
    .map((line) =>
      line
        .replace(/^\$ /, "")
        .replace(/\s+#.*$/, "")
        .trim(),
    )
    .filter((line) => /^davit [a-z]/.test(line));
}

/** What a shell would make of it, as far as our pages go. */
const words = (line: string): string[] =>
  [...line.replace(/\s*[|<>].*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");

// `davit agent …` is the other life of the executable, not a command; `…` stands for words that are left out.
const typed = PAGES.flatMap((page) => commandsIn(read(page)).map((line) => [page, line] as const)).filter(
  ([, line]) => !/^davit agent\b|…/.test(line),
);

test("the pages say commands", () => expect(typed.length).toBeGreaterThan(10));

test.each(typed)("%s: `%s` is a command line that davit understands", async (_, line) => {
  if (COMMAND_PATHS.includes(line.replace(/^davit (help )?/, ""))) return; // named, not shown
  const cli = await buildCli();
  // Understanding a line does not look at the context; running it would.
  expect(() => cli.process(words(line).slice(1), {} as Context)).not.toThrow();
});

test.each(PAGES)("every link of %s leads somewhere", (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = ""]) => link).filter((link) => !/^[a-z]+:/.test(link));
  expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
});

test("every script that a page names is there and can be run", () => {
  const scripts = PAGES.flatMap((page) => [...read(page).matchAll(/\.\/scripts\/[\w./-]*\w/g)].map(([script]) => script));
  expect([...new Set(scripts)].filter((script) => !executable(join(root, script)))).toEqual([]);
});

test("./scripts/test tells its parts, and what it does not know", async () => {
  const run = async (...args: string[]) => {
    const child = Bun.spawn([join(root, "scripts/test"), ...args], { stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { code, text: out + err };
  };
  const help = await run("--help");
  expect(help.code).toBe(0);
  for (const part of ["check", "unit", "binary", "e2e", "audit"]) expect(help.text).toMatch(new RegExp(`^  ${part} +\\S`, "m"));
  expect(help.text).not.toContain("not found");
  expect(await run("everything")).toEqual({ code: 2, text: `unknown: everything\n${help.text}` });
  expect(await run("audit", "--context", "mine")).toMatchObject({ code: 2, text: expect.stringContaining("leave out --context") });
});

test("every dependency has its reason in ARCHITECTURE.md, and no row is left of one that went", () => {
  const table = read("ARCHITECTURE.md").split("## Dependencies")[1]?.split("\n## ")[0] ?? "";
  const rows = [...table.matchAll(/^\| ([@\w][^ ]*) +\| \S/gm)].map(([, name = ""]) => name).filter((name) => name !== "package");
  const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
  expect(rows.sort()).toEqual(packages.sort());
});

test("docs/exit-codes.md lists every fault with its exit code and title, and no other", () => {
  const rows = [...read("docs/exit-codes.md").matchAll(/^\| (\d+) +\| (\w+) +\| (.+?) +\|$/gm)].map(([, exit, code, title]) => [
    Number(exit),
    code,
    title,
  ]);
  const faults = FAULT_CODES.map((code) => [new Fault(code, "").exitCode, code, FAULT_WORDS[code].title]);
  expect(rows.sort()).toEqual(faults.sort());
});
