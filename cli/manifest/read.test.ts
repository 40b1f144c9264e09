import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/temporary";
import { manifestIn, namedManifest } from "./find.ts";
import { readManifest } from "./read.ts";

describe("readManifest", () => {
  test("a file with a byte order mark", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "davit.yml");
    writeFileSync(path, "\uFEFFname: shop\r\n");
    expect(readManifest({ path, shown: "davit.yml" })).toEqual([{ settings: { name: "shop" }, notices: [] }]);
  });

  test.each<[string, (path: string) => void, string]>([
    ["nothing there", () => {}, "davit.yml does not exist"],
    ["a folder", (path) => void mkdirSync(path), "davit.yml is not a file"],
    ["too large", (path) => writeFileSync(path, `# ${"x".repeat(256 * 1024)}`), "davit.yml is larger than 256 kB"],
    ["UTF-16", (path) => writeFileSync(path, Buffer.from("\uFEFFname: shop", "utf16le")), "davit.yml is not UTF-8"],
    ["bytes", (path) => writeFileSync(path, Buffer.from([0x6e, 0xff, 0xfe])), "davit.yml is not UTF-8"],
  ])("%s", async (_, make, message) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "davit.yml");
    make(path);
    expect(() => readManifest({ path, shown: "davit.yml" })).toThrow(expect.objectContaining({ code: "manifest_invalid", message }));
  });
});

describe("the manifest of a folder", () => {
  test("is davit.yml before davit.yaml before Epinio's", async () => {
    await using folder = await temporaryFolder();
    for (const name of ["epinio.yaml", "epinio.yml", "davit.yaml", "davit.yml"]) {
      writeFileSync(join(folder.path, name), "");
      expect(manifestIn(folder.path, folder.path)).toEqual({ path: join(folder.path, name), shown: name });
    }
  });

  test("is shown as short as it can be found again", async () => {
    await using folder = await temporaryFolder();
    mkdirSync(join(folder.path, "a/b"), { recursive: true });
    writeFileSync(join(folder.path, "a/davit.yml"), "");
    const path = join(folder.path, "a/davit.yml");
    expect(namedManifest("a", folder.path)).toEqual({ path, shown: "a/davit.yml" });
    expect(namedManifest("a/davit.yml", folder.path)).toEqual({ path, shown: "a/davit.yml" });
    expect(namedManifest("..", join(folder.path, "a/b"))).toEqual({ path, shown: path });
  });

  test("has to be there when the folder is named", async () => {
    await using folder = await temporaryFolder();
    expect(manifestIn(folder.path, "/")).toBeUndefined();
    expect(() => namedManifest(".", folder.path)).toThrow(expect.objectContaining({ code: "usage", message: "the folder '.' has no davit.yml" }));
  });
});
