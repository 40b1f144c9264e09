import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { manifestJsonSchema } from "./json-schema.ts";
import { parseManifest } from "./parse.ts";
import { ManifestDocument } from "./schema.ts";

const docs = join(import.meta.dir, "../../docs");
const published = JSON.parse(readFileSync(join(docs, "davit.schema.json"), "utf8"));
const page = readFileSync(join(docs, "manifest.md"), "utf8");
const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = ""]) => text);

/* What an editor does: YAML with types, checked by the published schema and nothing of ours. */
const editor = z.fromJSONSchema(published);
const accepts = (text: string) => [Bun.YAML.parse(text)].flat().every((document) => editor.safeParse(document).success);

test("docs/davit.schema.json is that of this version; `bun run schema` writes it", () => {
  expect(published).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())));
});

describe("docs/manifest.md", () => {
  test("has examples", () => expect(examples.length).toBeGreaterThan(1));

  test.each(examples.map((text) => [text]))("example %# is a manifest, for davit and for an editor", (text) => {
    expect(parseManifest(text, { path: "/davit.yml", shown: "davit.yml" }).length).toBeGreaterThan(0);
    expect(accepts(text)).toBe(true);
  });

  test("lists every key", () => {
    const listed = [...page.matchAll(/^\| `([a-zA-Z.]+)`/gm)].map(([, key = ""]) => key.split(".")[0]);
    const own = Object.entries(ManifestDocument.shape).filter(([, value]) => !z.globalRegistry.get(value)?.deprecated);
    expect([...new Set(listed)]).toEqual(own.map(([key]) => key));
  });
});

describe("an editor says of a manifest what davit says", () => {
  test.each([
    "name: shop",
    "name: Shop",
    "nmae: shop",
    "source: {git: {url: https://a.test/x, revision: 1.10}}",
    "source: {git: {revision: main}}",
    "source: {path: ., image: a}",
    "source: {}",
    "routes: [a.test, b]",
    "routes: []",
    "instances: 3",
    "instances: 101",
    "instances: two",
    "port: 0",
    "env: {A: 1.10, B: no, C: text}",
    "env: {A-B: 1}",
    "env: {A: [1]}",
    "configurations: [mail]",
    "configurations: mail",
    "buildArgs: {V: 1}",
    "configuration: {routes: [a.test], environment: {A: 1}, appchart: standard}",
    "configuration: {route: [a.test]}",
    "origin: {archive: true, path: a.tar}",
    "staging: {builder: x}",
  ])("%s", (text) => {
    let valid = true;
    try {
      parseManifest(text, { path: "/davit.yml", shown: "davit.yml" });
    } catch {
      valid = false;
    }
    expect(accepts(text)).toBe(valid);
  });
});
