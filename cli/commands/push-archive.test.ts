import { expect, test } from "bun:test";
import { truncateSync, watch, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { davit, eventsIn, type Home, loggedIn, resultIn } from "#test/cli";
import { tarHeader } from "../source/testing/archives.ts";

const FILES = { Dockerfile: "FROM scratch\n", "src/app.js": "serve()\n", ".gitignore": "*.log\n", "x.log": "" };

/** A person with an app's folder, who unpacks things in a folder of their own. */
async function ready() {
  const world = await loggedIn(FILES);
  const temp = join(world.home.path, "temp");
  await mkdir(temp);
  const env = { TMPDIR: temp };
  return { ...world, env, left: () => readdir(temp) };
}

/** The archive, in the home. */
function pack(home: Home, name: string, ...command: string[]): string {
  const archive = join(home.path, name);
  const { exitCode, stderr } = Bun.spawnSync([...command.map((word) => (word === "ARCHIVE" ? archive : word))], { cwd: home.path });
  expect(`${exitCode} ${stderr}`).toBe("0 ");
  return archive;
}

test.each([
  ["shop-1.0.tar.gz", ["tar", "-czf", "ARCHIVE", "shop"]],
  ["shop-1.0.zip", ["zip", "-qr", "ARCHIVE", "shop"]],
])("%s is pushed as the tree that its folder is", async (name, command) => {
  await using world = await ready();
  const archive = pack(world.home, name, ...command);
  const folder = resultIn((await davit(world.home, ["push", "--name", "shop", "-o", "json"])).out);
  const { code, out, err } = await davit(world.home, ["push", "--name", "shop", "--path", archive, "-o", "json"], { env: world.env });
  expect(err).toContain(`${name} has one folder, shop: the source is what is in it\n`);
  expect(resultIn(out)).toMatchObject({ outcome: "unchanged", source: folder.source });
  expect(code).toBe(0);
  // A push that sends it, too; the name is the archive's.
  const first = await davit(world.home, ["push", "--path", archive, "-o", "json"], { env: world.env });
  expect(resultIn(first.out)).toMatchObject({ outcome: "live", app: "shop-1-0", source: folder.source });
  expect(await world.left()).toEqual([]);
});

test("while an archive is unpacked, its bytes are counted", async () => {
  await using world = await ready();
  const archive = pack(world.home, "shop.tar", "tar", "-cf", "ARCHIVE", "shop");
  const { out } = await davit(world.home, ["push", "--name", "shop", "--path", archive, "-o", "events"], { env: world.env });
  expect(eventsIn(out).find(({ type }) => type === "progress")).toMatchObject({ phase: "plan", done: expect.any(Number), total: 0, unit: "bytes" });
});

test("--dry-run shows the archive, and leaves nothing of it", async () => {
  await using world = await ready();
  const archive = pack(world.home, "shop.tar", "tar", "-cf", "ARCHIVE", "shop");
  const { out } = await davit(world.home, ["push", "--path", archive, "--dry-run", "-o", "json"], { env: world.env });
  expect(JSON.parse(out)).toMatchObject({ plan: { app: "shop" }, source: { path: archive, files: 3 } });
  expect(await world.left()).toEqual([]);
});

test("faults of an archive name it, or what is in it", async () => {
  await using world = await ready();
  const push = (path: string) => davit(world.home, ["push", "--name", "shop", "--path", path], { env: world.env });
  const bare = await push(pack(world.home, "bare.tar", "tar", "-cf", "ARCHIVE", "shop/src"));
  expect([bare.code, bare.err]).toEqual([18, expect.stringContaining(`there is no Dockerfile in ${join(world.home.path, "bare.tar")}`)]);
  const cut = join(world.home.path, "cut.tar");
  await Bun.write(cut, tarHeader({ path: "big" }, 1000));
  const { code, err } = await push(cut);
  expect(err).toContain("davit: the archive cannot be unpacked (archive_invalid)\n");
  expect(err).toContain('at or after the entry "big"');
  expect(code).toBe(13);
  expect(await world.left()).toEqual([]);
  expect(world.agent.apps).toEqual([]);
});

test("nothing of an archive stays behind when the push is refused, or nobody agrees to it", async () => {
  await using world = await ready();
  const archive = pack(world.home, "shop.tar", "tar", "-cf", "ARCHIVE", "shop");
  const refused = await davit(world.home, ["push", "--path", archive, "-n", "nowhere"], { env: world.env });
  const declined = await davit(world.home, ["push", "--path", archive], { env: world.env, isTTY: true, answers: ["n"] });
  expect([refused.code, declined.code]).toEqual([3, 130]);
  expect(await world.left()).toEqual([]);
});

test.each<[string, NodeJS.Signals[]]>([
  ["^C", ["SIGINT"]],
  // The second ends the process at once; two of a kind might come as one.
  ["two signals", ["SIGINT", "SIGTERM"]],
])("%s in the midst of it leaves nothing", async (_, signals) => {
  await using world = await ready();
  const archive = join(world.home.path, "large.tar");
  // A file of zeros after its header, which takes no room here.
  writeFileSync(archive, tarHeader({ path: "Dockerfile" }, 2 ** 29));
  truncateSync(archive, 512 + 2 ** 29 + 1024);
  const begun = Promise.withResolvers<void>();
  using watcher = Object.assign(
    watch(world.env.TMPDIR, () => begun.resolve()),
    { [Symbol.dispose]: () => watcher.close() },
  );
  const main = join(import.meta.dir, "../main.ts");
  const child = Bun.spawn([process.execPath, main, "push", "--path", archive], {
    env: { ...world.home.env, ...world.env },
    stdout: "pipe",
    stderr: "pipe",
  });
  await begun.promise;
  for (const signal of signals) child.kill(signal);
  expect(await child.exited).toBe(130);
  expect(await world.left()).toEqual([]);
  expect(world.agent.apps).toEqual([]);
});
