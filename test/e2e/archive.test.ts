import { expect, test } from "bun:test";
import { join } from "node:path";
import { appFiles, folder, push, tenant } from "#test/lab";

test("an archive becomes the app that its folder is, and the folder is then unchanged", async () => {
  await using space = await tenant("archive");
  using app = folder(appFiles("from an archive"));
  using place = folder();
  const archives = { "app.tar.gz": ["tar", "-czf"], "app.zip": ["zip", "-qr"] };
  for (const [name, command] of Object.entries(archives)) {
    const archive = join(place.path, name);
    expect(Bun.spawnSync([...command, archive, "."], { cwd: app.path }).exitCode).toBe(0);
    const args = ["--name", space.app(name.replaceAll(".", "-")), "-n", space.name];
    const first = await push(archive, args);
    expect(first).toMatchObject({ outcome: "live", revision: 1, exit: 0 });
    expect(await (await fetch(first.url ?? "")).text()).toBe("from an archive");
    expect(await push(app.path, args)).toMatchObject({ outcome: "unchanged", source: first.source, exit: 0 });
  }
}, 120_000);
