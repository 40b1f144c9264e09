import { expect, test } from "bun:test";
import { importedNames } from "./load.ts";

test("the names are those that ctr unpacked", () => {
  const out = "unpacking docker.io/library/x:1 (sha256:abc)...done\nlab.local/y:2   \tsaved\nunpacking lab.local/y:2 (sha256:def)...\n";
  expect(importedNames(out)).toEqual(["docker.io/library/x:1", "lab.local/y:2"]);
});
