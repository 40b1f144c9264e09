import { describe, expect, test } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "#test/temporary";
import { nameApp, toLabel } from "./name.ts";

describe("toLabel", () => {
  test.each([
    ["shop", "shop"],
    ["My Shop_2", "my-shop-2"],
    ["42-answers", "answers"],
    ["Café Zürich", "cafe-zurich"],
    ["--a--b--", "a-b"],
    ["x".repeat(60), "x".repeat(40)],
    [`${"x".repeat(39)}-y`, "x".repeat(39)],
    ["2026", ""],
    ["日本", ""],
  ])("%j", (folder, label) => {
    expect(toLabel(folder)).toBe(label);
  });
});

describe("nameApp", () => {
  test("--name, then davit.yml, then the folder", async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "My Shop");
    await mkdir(root);
    expect(nameApp(undefined, root)).toEqual({ name: "my-shop", guessed: true });
    await Bun.write(join(root, "davit.yml"), "name: from-file\n");
    expect(nameApp(undefined, root)).toEqual({ name: "from-file", guessed: false });
    expect(nameApp("from-flag", root)).toEqual({ name: "from-flag", guessed: false });
    await Bun.write(join(root, "davit.yml"), "# nothing yet\n");
    expect(nameApp(undefined, root).name).toBe("my-shop");
  });

  test("a link is called after what it leads to", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "real"));
    await symlink("real", join(folder.path, "link"));
    expect(nameApp(undefined, join(folder.path, "link")).name).toBe("real");
  });

  test.each([
    ["name: [", "davit.yml: "],
    ["- a\n", "davit.yml: has to be keys with values"],
    ["name: Shop\n", "davit.yml: name has to be lower-case letters"],
    ["name: 3\n", "davit.yml: name "],
    ["name: a\nroutes: []\n", "davit.yml: the key 'routes' is not known"],
  ])("refuses %j", async (text, message) => {
    await using folder = await temporaryFolder();
    await Bun.write(join(folder.path, "davit.yml"), text);
    expect(() => nameApp(undefined, folder.path)).toThrow(
      expect.objectContaining({ code: "manifest_invalid", message: expect.stringContaining(message) }),
    );
  });

  test("a folder that gives no name", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "2026"));
    expect(() => nameApp(undefined, join(folder.path, "2026"))).toThrow(expect.objectContaining({ code: "name_invalid" }));
  });
});
