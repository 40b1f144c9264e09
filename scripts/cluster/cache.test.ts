import { expect, test } from "bun:test";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../../test/support/temporary.ts";
import { markUsed, removeUnused } from "./cache.ts";

test("a version goes a week after its last use; what else is there stays", async () => {
  await using folder = await temporaryFolder();
  const longAgo = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000);
  for (const name of ["x-1", "x-2", "x-3", "y-1"]) {
    await Bun.write(join(folder.path, name), "");
    if (name !== "x-3") await utimes(join(folder.path, name), longAgo, longAgo);
  }
  await markUsed(join(folder.path, "x-2"));
  await removeUnused(folder.path, (name) => name.startsWith("x-"));
  expect((await readdir(folder.path)).sort()).toEqual(["x-2", "x-3", "y-1"]);
});
