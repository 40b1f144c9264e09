import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/temporary";
import manifest from "../../package.json" with { type: "json" };
import { davit } from "./davit.ts";

test("the version is package.json's", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const ran = await davit(["version"], { cwd });
  expect(ran).toMatchObject({ stderr: "", code: 0 });
  expect(ran.stdout).toContain(manifest.version);
});

test("--help goes to stdout and names the commands", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const ran = await davit(["--help"], { cwd });
  for (const command of ["push", "install", "login", "image save"]) expect(ran.stdout).toContain(`davit ${command}`);
  expect(ran).toMatchObject({ stderr: "", code: 0 });
});

test.each(["bash", "zsh", "fish"])("what makes %s complete is in it, and what that asks for", async (shell) => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  expect(await davit(["completion", shell], { cwd })).toMatchObject({ stdout: expect.stringContaining(`__complete ${shell} `), stderr: "", code: 0 });
  const asked = shell === "bash" ? [" =:", "davit app lo"] : ["app", "lo"];
  expect(await davit(["__complete", shell, ...asked], { cwd })).toMatchObject({
    stdout: expect.stringMatching(/^words\nlogs(\t.+)?\n$/),
    stderr: "",
    code: 0,
  });
});

test.each([[["no-such-command"]], [["version", "--no-such-flag"]], [["image", "save"]], [["image", "push", "no-registry"]]])(
  "%j is a usage error: exit code 2, said on stderr only",
  async (words) => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    const ran = await davit(words, { cwd });
    expect(ran.stderr).not.toBe("");
    expect(ran).toMatchObject({ stdout: "", code: 2 });
  },
);

test("nothing is read from the folder it is started in", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(join(cwd, "evil-was-here"))}, "");`;
  const paths = { clipanion: ["./evil.ts"], "#shared/*": ["./evil.ts"], tar: ["./evil.ts"] };
  await Promise.all([
    Bun.write(join(cwd, "evil.ts"), evil),
    // With this TMPDIR the image could not be made.
    Bun.write(join(cwd, ".env"), "TMPDIR=/nonexistent/folder\nDAVIT_VERSION=evil\n"),
    Bun.write(join(cwd, "bunfig.toml"), 'preload = ["./evil.ts"]\n[define]\nDAVIT_VERSION = "\'evil\'"\n'),
    Bun.write(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions: { baseUrl: ".", paths } })),
    Bun.write(join(cwd, "package.json"), JSON.stringify({ name: "evil", imports: { "#shared/*": "./evil.ts" } })),
    Bun.write(join(cwd, "node_modules/tar/index.js"), evil),
  ]);
  const version = await davit(["version"], { cwd });
  expect(version).toMatchObject({ stderr: "", code: 0 });
  expect(version.stdout).toContain(manifest.version);
  const saved = await davit(["image", "save", "image.tar"], { cwd });
  expect(saved).toMatchObject({ code: 0 });
  expect(existsSync(join(cwd, "evil-was-here"))).toBe(false);
});
