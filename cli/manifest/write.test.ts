import { describe, expect, test } from "bun:test";
import type { AppManifest } from "#shared/app";
import { parseManifest } from "./parse.ts";
import { documentOf, writeDocument } from "./write.ts";

const place = { name: "shop", namespace: "team" };
const bare: AppManifest = {
  source: { kind: "tree", tree: "0".repeat(64) },
  routes: [],
  instances: 2,
  port: 8080,
  env: {},
  configurations: [],
  buildArgs: {},
};
const write = (app: Partial<AppManifest>) => writeDocument(documentOf(place, { ...bare, ...app }));
const read = (text: string) => parseManifest(text, { path: "/code/davit.yml", shown: "davit.yml" })[0]?.settings;

describe("an app as a manifest", () => {
  test("is short where there is nothing to say", () => {
    expect(write({})).toBe("name: shop\nnamespace: team\nsource:\n  path: .\nroutes: []\ninstances: 2\nport: 8080");
  });

  test.each<[AppManifest["source"], object]>([
    [bare.source, { kind: "path", root: "/code" }],
    [
      { kind: "git", url: "https://a.test/x", revision: "1.10", credential: "bot" },
      { kind: "git", url: "https://a.test/x", revision: "1.10", credential: "bot" },
    ],
    [
      { kind: "git", url: "https://a.test/x" },
      { kind: "git", url: "https://a.test/x" },
    ],
    [
      { kind: "image", image: "a.test/shop:1.2" },
      { kind: "image", image: "a.test/shop:1.2" },
    ],
  ])("reads back with its source: %j", (source, pushed) => {
    expect(read(write({ source }))?.source).toEqual(pushed as never);
  });

  test("reads back with all its settings", () => {
    const { source: _, ...settings } = { ...bare, routes: ["a.test", "b.test/x"], configurations: ["db"], env: { A: "1" }, buildArgs: { V: "2" } };
    expect(read(write(settings))).toEqual({ ...place, ...settings, source: { kind: "path", root: "/code" } });
  });

  test("reads back every value, whatever is in it, here and in a parser that knows types", () => {
    const values = [
      ...[
        "",
        " ",
        " a ",
        "a\n",
        "\n",
        "a\n\n",
        "\n a\n  b\n",
        "a\r\nb",
        "\t",
        "a\tb",
        "~",
        "null",
        "true",
        "no",
        "1.10",
        "007",
        "0x1F",
        "1e3",
        ".inf",
      ],
      ...[
        "- a",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "@a",
        "`a",
        "%a",
        "|",
        ">",
        "? a",
        "{a}",
        "[a]",
        "'a'",
        '"a"',
        "\\",
        '\\"',
        "---",
        "...",
        "=",
        "<<",
      ],
      ...["2026-01-01", "12:30:45", "ä€😀", "\u0007", "\u0085", "\u2028", "\uFEFF", "\u001b[31m", `${"long words ".repeat(40)}`, "x".repeat(5000)],
    ];
    const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
    const text = write({ env });
    expect(read(text)?.env).toEqual(env);
    expect((Bun.YAML.parse(text) as { env: unknown }).env).toEqual(env);
  });
});
