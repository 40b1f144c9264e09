import { describe, expect, test } from "bun:test";
import { mkdir, symlink, writeFile } from "node:fs/promises";
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
  test("what is given, else the folder's name", async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "My Shop");
    await mkdir(root);
    expect(nameApp(undefined, { kind: "path", root })).toEqual({ name: "my-shop", after: "folder" });
    expect(nameApp("given", { kind: "path", root })).toEqual({ name: "given" });
    expect(() => nameApp("Given", { kind: "path", root })).toThrow(expect.objectContaining({ code: "name_invalid" }));
  });

  test("a link is called after what it leads to", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "real"));
    await symlink("real", join(folder.path, "link"));
    expect(nameApp(undefined, { kind: "path", root: join(folder.path, "link") }).name).toBe("real");
  });

  test("an archive loses its ending, a folder that is called like one does not", async () => {
    await using folder = await temporaryFolder();
    for (const name of ["shop.tar.gz", "shop.zip", "shop.tgz"]) {
      const root = join(folder.path, name);
      await writeFile(root, "");
      expect(nameApp(undefined, { kind: "path", root })).toEqual({ name: "shop", after: "archive" });
    }
    await mkdir(join(folder.path, "shop.tar"));
    expect(nameApp(undefined, { kind: "path", root: join(folder.path, "shop.tar") })).toEqual({ name: "shop-tar", after: "folder" });
  });

  test.each([
    ["https://git.test/team/Shop.git", "shop"],
    ["https://git.test/team/shop/", "shop"],
    ["https://git.test/shop", "shop"],
  ])("a repository %s", (url, name) => {
    expect(nameApp(undefined, { kind: "git", url })).toEqual({ name, after: "repository" });
  });

  test.each([
    ["registry.test:5000/team/shop:1.2", "shop"],
    ["shop", "shop"],
    [`registry.test/shop@sha256:${"0".repeat(64)}`, "shop"],
  ])("an image %s", (image, name) => {
    expect(nameApp(undefined, { kind: "image", image })).toEqual({ name, after: "image" });
  });

  test("a folder that gives no name", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "2026"));
    const message = "no app name can be made from the folder's name '2026'";
    expect(() => nameApp(undefined, { kind: "path", root: join(folder.path, "2026") })).toThrow(
      expect.objectContaining({ code: "name_invalid", message }),
    );
  });
});
