import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/**
 * What ARCHITECTURE.md promises, as tests: each yields the list of offenders, so a failure says what to change.
 * Imports are found by a regex because type-only imports count as well, and Bun's own scanner does not report them.
 */

const root = join(import.meta.dir, "../..");
const FOLDERS = ["cli", "agent", "shared", "scripts", "manifests", "test", "docs", ".ci"];

type File = { path: string; text: string };
type Import = { from: string; to: string; lazy: boolean };

/** Everything that is committed, by folder: node_modules and dist are too large to look into only to leave them out. */
function committed(): File[] {
  const top = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
  const below = FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) => [...tree(folder)]);
  return [...top.map((entry) => entry.name), ...below].sort().map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

function* tree(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* tree(path);
    else if (entry.isFile()) yield path;
  }
}

const files = committed();
const sources = files.filter(({ path }) => /\.tsx?$/.test(path)).map(({ path, text }) => ({ path, text: withoutComments(text) }));
const product = sources.filter(({ path }) => !isTest(path) && /^(cli|agent|shared)\//.test(path));
const imports = sources.flatMap(importsOf);

function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/testing\/|^test\//.test(path);
}

/** Block comments and whole-line comments; what follows code on a line may be a URL in a string. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*.*?\*\//gms, (comment) => comment.replace(/[^\n]/g, "")).replace(/^\s*\/\/.*$/gm, "");
}

function importsOf({ path, text }: File): Import[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*(\(?)\s*["']([^"'\n]+)["']/g);
  return [...found].map(([, lazy, to = ""]) => ({ from: path, to: resolve(path, to), lazy: lazy === "(" }));
}

/** A file of ours by its path from the root, anything else by the name of its package. */
function resolve(from: string, to: string): string {
  const own = /^#(shared|cli|agent|test)\/(.*)$/.exec(to);
  if (own) return `${own[1] === "test" ? "test/support" : own[1]}/${own[2]}.ts`;
  if (to.startsWith(".")) return normalize(join(dirname(from), to));
  return to.split("/", to.startsWith("@") ? 2 : 1).join("/");
}

const show = ({ from, to }: Import): string => `${from} imports ${to}`;
const folderOf = (path: string): string => path.split("/")[0] ?? "";

test("the rules below look at something", () => {
  expect(sources.map(({ path }) => path)).toContain("shared/kube/client.ts");
  expect(imports.map(show)).toContain("shared/kube/client.ts imports shared/fault.ts");
});

test("cli and agent meet in shared only, and nothing of the product needs scripts or tests", () => {
  const allowed: Record<string, string[]> = { cli: ["cli", "shared", "manifests"], agent: ["agent", "shared"], shared: ["shared"] };
  const doors = ["cli/main.ts imports agent/main.ts"];
  const offenders = imports
    .filter(({ from, to }) => !isTest(from) && to.includes("/") && FOLDERS.includes(folderOf(to)) && allowed[folderOf(from)] !== undefined)
    .filter(({ from, to }) => !allowed[folderOf(from)]?.includes(folderOf(to)))
    .filter((edge) => !(edge.lazy && doors.includes(show(edge))));
  expect(offenders.map(show)).toEqual([]);
});

test("the Ink components know shared, ink and react only", () => {
  const offenders = imports.filter(({ from, to }) => from.startsWith("cli/ui/") && !isTest(from) && !/^(cli\/ui\/|shared\/|ink$|react$)/.test(to));
  expect(offenders.map(show)).toEqual([]);
});

test("each package is used in the one place that wraps it", () => {
  const places: Record<string, RegExp> = {
    "@kubernetes/client-node": /^shared\/kube\/(objects|connect)\.ts$/,
    "@peculiar/x509": /^shared\/tls\/signing\.ts$/,
    clipanion: /^cli\//,
    ink: /^cli\/(ui\/|report\/ink)/,
    minio: /^agent\/store\//,
    react: /^cli\/(ui\/|report\/ink)/,
    tar: /^(shared\/oci|cli\/source\/archive)\/tar\.ts$/,
    typanion: /^cli\//,
    yaml: /^cli\/manifest\/(yaml|write)\.ts$/,
    yauzl: /^cli\/source\/archive\/zip\.ts$/,
  };
  const offenders = imports.filter(({ from, to }) => !isTest(from) && places[to] !== undefined && !places[to].test(from));
  expect(offenders.map(show)).toEqual([]);
});

test("only the main files talk to the terminal or end the process", () => {
  const offenders = product.filter(
    ({ path, text }) => !/(^|\/)main\.ts$/.test(path) && /\bconsole\.|\bprocess\.(exit\(|exitCode|stdout|stderr)/.test(text),
  );
  expect(offenders.map(({ path }) => path)).toEqual([]);
});

test.each([
  ["a default export", /^export default\b|^export \{[^}]*\bas default\b/m],
  ["any", /\bas any\b|[:<|&,]\s*any\s*[\],;)>=|&[]/],
  ["a mocked module", /\bmock\s*\.\s*module\b/],
  ["a switched-off test", /\b(?:test|it|describe)\s*\.\s*(?:skip|todo|only)\b/],
])("no source has %s", (_, pattern) => {
  const own = "test/unit/architecture.test.ts";
  expect(sources.filter(({ path, text }) => path !== own && pattern.test(text)).map(({ path }) => path)).toEqual([]);
});

/** Files over the limit, with the length that each may keep. Entries may shrink or go; none may be added. */
const LONGER: Record<string, number> = {};

test("no source has more than 300 lines", () => {
  const offenders = files
    .filter(({ path }) => /\.tsx?$/.test(path))
    .map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }))
    .filter(({ path, lines }) => lines > (LONGER[path] ?? 300));
  expect(offenders).toEqual([]);
});

test("no file holds a path of the machine that it was written on", () => {
  // A home inside an image, and that of the examples' user: the same on every machine.
  const nobodys = /^\/home\/(bun|ada)\b/;
  const offenders = files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w.}*-])\/(?:root|work|home)\/[\w.-]+/g)].filter(([match]) => !nobodys.test(match)).map(([match]) => `${path}: ${match}`),
  );
  expect(offenders).toEqual([]);
});

test("no file names the host of a package registry", () => {
  // In pieces, so that this list is not itself such a name.
  const hosts = [
    ["registry.npmjs", "org"],
    ["proxy.golang", "org"],
    ["pypi", "org"],
    ["crates", "io"],
    ["deb.debian", "org"],
    ["repo1.maven", "org"],
  ].map((parts) => parts.join("."));
  const offenders = files.flatMap(({ path, text }) => hosts.filter((host) => text.includes(host)).map((host) => `${path}: ${host}`));
  expect(offenders).toEqual([]);
});

test("no binary is committed", () => {
  expect(files.filter(({ text }) => text.includes("\0")).map(({ path }) => path)).toEqual([]);
});
