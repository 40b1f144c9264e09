import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { byPath, checkTree, type TreeEntry } from "../tree.ts";
import { faultOf, tempTree } from "./testing/temp-tree.ts";
import { walkSource } from "./walk.ts";

const paths = async (root: string) => (await walkSource(root)).map((entry) => entry.path);
const namedBy = (folder: string, ...bytes: number[]) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(bytes)]);

describe("what a walk finds", () => {
  test("files, links and empty folders, with git's two modes", async () => {
    using tree = tempTree({ "a/run.sh": "#!", "a/b/x": "123", "empty/": "", zero: "" });
    chmodSync(join(tree.path, "a/run.sh"), 0o700);
    chmodSync(join(tree.path, "a/b/x"), 0o466);
    symlinkSync("a/b/x", join(tree.path, "link"));
    symlinkSync("a", join(tree.path, "folder-link"));
    expect(await walkSource(tree.path)).toMatchObject([
      { kind: "file", path: "a/b/x", mode: 0o644, size: 3 },
      { kind: "file", path: "a/run.sh", mode: 0o755, size: 2 },
      { kind: "directory", path: "empty" },
      { kind: "symlink", path: "folder-link", target: "a" },
      { kind: "symlink", path: "link", target: "a/b/x" },
      { kind: "file", path: "zero", mode: 0o644, size: 0 },
    ]);
  });

  test("the order of a tree, in which a folder's name is not the folder's place", async () => {
    using tree = tempTree(["a/x", "a-b", "a.b/y", "a0", "a/", "ab/", "é", "z", "\u{1F600}", "\uFF5E", "A"]);
    const found = await walkSource(tree.path);
    expect(found).toEqual(found.toSorted(byPath));
    expect(() => checkTree(found.map((entry): TreeEntry => (entry.kind === "file" ? { ...entry, chunks: ["0".repeat(64)] } : entry)))).not.toThrow();
  });

  test("names with newlines, of 255 bytes, and with the character that stands for what is not UTF-8", async () => {
    const names = ["new\nline", "x".repeat(255), "é".repeat(127), "\uFFFD", " ", "\\", '"'];
    using tree = tempTree(names.map((name) => `dir/${name}`));
    expect(await paths(tree.path)).toEqual(names.map((name) => `dir/${name}`).sort());
  });

  test("a folder of which everything is ignored counts as empty", async () => {
    using tree = tempTree({ ".gitignore": "*.log\n", "logs/a.log": "" });
    expect(await paths(tree.path)).toEqual([".gitignore", "logs"]);
  });

  test("the root may be a link", async () => {
    using tree = tempTree(["real/x"]);
    symlinkSync("real", join(tree.path, "alias"));
    expect(await paths(join(tree.path, "alias"))).toEqual(["x"]);
  });
});

describe("what a walk refuses", () => {
  test("a root that is missing, a file, or empty", async () => {
    using tree = tempTree(["file", "empty/", "ignored/.gitignore", "ignored/x"]);
    writeFileSync(join(tree.path, "ignored/.gitignore"), "*");
    const fault = (name: string) => faultOf(walkSource(join(tree.path, name)));
    expect(await fault("none")).toMatchObject({ code: "source_not_found", message: expect.stringContaining("none") });
    expect(await fault("file/below")).toMatchObject({ code: "source_not_found" });
    expect(await fault("file")).toMatchObject({ code: "source_not_directory" });
    expect(await fault("empty")).toMatchObject({ code: "source_empty" });
    expect(await fault("ignored")).toMatchObject({ code: "source_empty" });
  });

  test("a FIFO", async () => {
    using tree = tempTree(["a/x"]);
    expect(Bun.spawnSync(["mkfifo", join(tree.path, "a/pipe")]).exitCode).toBe(0);
    expect(await faultOf(walkSource(tree.path))).toEqual({
      code: "source_special_file",
      message: '"a/pipe" is a FIFO, which cannot be pushed; a line in .davitignore leaves it out',
      details: { path: "a/pipe", kind: "a FIFO" },
    });
  });

  test("a socket", async () => {
    using tree = tempTree(["x"]);
    using _ = Bun.listen({ unix: join(tree.path, "sock"), socket: { data() {} } });
    expect(await faultOf(walkSource(tree.path))).toMatchObject({ code: "source_special_file", details: { path: "sock", kind: "a socket" } });
  });

  test.if(process.getuid?.() === 0)("a device", async () => {
    using tree = tempTree(["x"]);
    expect(Bun.spawnSync(["mknod", join(tree.path, "null"), "c", "1", "3"]).exitCode).toBe(0);
    expect(await faultOf(walkSource(tree.path))).toMatchObject({ code: "source_special_file", details: { path: "null", kind: "a device" } });
  });

  test.if(process.platform === "linux")("names that are not UTF-8, of files, folders and links' targets", async () => {
    using file = tempTree(["x"]);
    writeFileSync(namedBy(file.path, 0x61, 0xff), "");
    expect(await faultOf(walkSource(file.path))).toMatchObject({ code: "source_name", details: { path: "a\uFFFD" } });

    using folder = tempTree(["dir/x"]);
    renameSync(join(folder.path, "dir"), namedBy(folder.path, 0xed, 0xa0, 0x80));
    expect(await faultOf(walkSource(folder.path))).toMatchObject({ code: "source_name" });

    using link = tempTree(["x"]);
    expect(Bun.spawnSync(["sh", "-c", "ln -s \"$(printf 'a\\377')\" link"], { cwd: link.path }).exitCode).toBe(0);
    expect(await faultOf(walkSource(link.path))).toMatchObject({ code: "source_name", details: { path: "link" } });
  });

  test("links that leave the tree or lead back to themselves", async () => {
    using tree = tempTree(["x"]);
    symlinkSync("../outside", join(tree.path, "out"));
    expect(await faultOf(walkSource(tree.path))).toMatchObject({ code: "source_link", details: { path: "out", target: "../outside" } });
    rmSync(join(tree.path, "out"));
    symlinkSync("two", join(tree.path, "one"));
    symlinkSync("one", join(tree.path, "two"));
    expect(await faultOf(walkSource(tree.path))).toMatchObject({ code: "source_link", message: expect.stringContaining("leads back to itself") });
  });

  test("none of it when it is ignored", async () => {
    using tree = tempTree({ ".gitignore": "bad*\n", ".davitignore": "/worse/\n", "worse/x": "", ok: "" });
    Bun.spawnSync(["mkfifo", join(tree.path, "bad-pipe")]);
    symlinkSync("/etc", join(tree.path, "bad-link"));
    symlinkSync("/etc", join(tree.path, "worse/link"));
    if (process.platform === "linux") writeFileSync(namedBy(tree.path, 0x62, 0x61, 0x64, 0xff), "");
    expect(await paths(tree.path)).toEqual([".davitignore", ".gitignore", "ok"]);
  });
});

describe("a large source", () => {
  const tree = tempTree();
  for (let index = 0; index < 50_000; index++) tree.write(`d${index % 500}/f${index}`, "");
  afterAll(() => tree[Symbol.dispose]());

  test("of 50,000 files", async () => {
    expect(await walkSource(tree.path)).toHaveLength(50_000);
  });

  test("can be interrupted in its midst", async () => {
    const stop = new AbortController();
    setImmediate(() => stop.abort());
    expect(await faultOf(walkSource(tree.path, { signal: stop.signal }))).toMatchObject({ code: "interrupted" });
  });

  test("is not begun when it is too late", async () => {
    expect(await faultOf(walkSource(tree.path, { signal: AbortSignal.abort() }))).toMatchObject({ code: "interrupted" });
  });
});
