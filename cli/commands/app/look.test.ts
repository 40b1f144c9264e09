import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { openInBrowser } from "#cli/report/browser";
import { davit, loggedIn } from "#test/cli";
import { temporaryFolder } from "#test/temporary";

async function ready() {
  const world = await loggedIn();
  const run = (argv: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, argv, options);
  await run(["push", "--name", "shop", "--env", "GREETING=hello 'you'", "--env", "EMPTY="]);
  return { ...world, run };
}

describe("davit app env list", () => {
  test("names only, unless values are asked for; those can be read back", async () => {
    await using world = await ready();
    expect((await world.run(["app", "env", "list", "shop"])).out).toBe("EMPTY\nGREETING\n");
    expect(JSON.parse((await world.run(["app", "env", "list", "shop", "-o", "json"])).out)).toEqual(["EMPTY", "GREETING"]);
    const revealed = await world.run(["app", "env", "list", "shop", "--reveal"]);
    expect(revealed.out).toContain(`GREETING="hello 'you'"\n`);
    expect(JSON.parse((await world.run(["app", "env", "list", "shop", "--reveal", "-o", "json"])).out)).toEqual({
      GREETING: "hello 'you'",
      EMPTY: "",
    });
    await Bun.write(join(world.home.source, "shop.env"), revealed.out);
    expect((await world.run(["app", "env", "set", "shop", "--env-file", "shop.env"])).out).toStartWith("unchanged");
  });
});

describe("davit app show and revisions", () => {
  test("say what serves, how much of it is ready, and what was pushed last", async () => {
    await using world = await ready();
    await world.run(["app", "scale", "shop", "3"]);
    await world.run(["app", "stop", "shop"]);
    const { out } = await world.run(["app", "show", "shop"]);
    expect(out).toContain("instances       none, stopped (3 when started)\n");
    expect(out).toMatch(/last push {7}revision 3, live, \d+ d ago by ann, tree:[0-9a-f]{12}, 1\.2 s \(stage 1\.2 s\)\n/);
    expect(JSON.parse((await world.run(["app", "show", "shop", "-o", "json"])).out)).toMatchObject({ stopped: true, scale: 3, instances: 0 });
  });

  test("a table of revisions, newest first, the serving one marked", async () => {
    await using world = await ready();
    await world.run(["app", "restart", "shop"]);
    const lines = (await world.run(["app", "revisions", "shop"])).out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^REVISION {2}OUTCOME {2}AGE +BY {3}SOURCE +IMAGE {2}TOOK {3}WHY$/);
    expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/).slice(0, 2))).toEqual([
      ["2", "serves"],
      ["1", "live"],
    ]);
    expect(JSON.parse((await world.run(["app", "revisions", "shop", "-o", "json"])).out)).toMatchObject([{ number: 2 }, { number: 1 }]);
    expect((await world.run(["app", "revisions", "nobody"])).code).toBe(3);
  });
});

describe("davit app open", () => {
  test("prints the URL; an app without a route has none", async () => {
    await using world = await ready();
    expect(await world.run(["app", "open", "shop"])).toMatchObject({ out: "https://shop.apps.test\n", code: 0 });
    expect(JSON.parse((await world.run(["app", "open", "shop", "--print", "-o", "json"])).out)).toEqual({ url: "https://shop.apps.test" });
    await world.run(["app", "update", "shop", "--no-route"]);
    const none = await world.run(["app", "open", "shop"]);
    expect(none.err).toContain("give it a route: `davit app update shop -n apps --route HOST[/PATH]`");
    expect(none.code).toBe(3);
  });

  test("the browser gets the URL, where there is one, and nothing that is no web address", async () => {
    await using folder = await temporaryFolder();
    const opened = join(folder.path, "opened");
    const opener = join(folder.path, "xdg-open");
    // Its name appears when all of it is there.
    await Bun.write(opener, `#!/bin/sh\nprintf %s "$1" > "${opened}.draft" && mv "${opened}.draft" "${opened}"\n`);
    chmodSync(opener, 0o755);
    const env = { PATH: `${folder.path}:${process.env["PATH"]}`, DISPLAY: ":0" };
    expect(openInBrowser("file:///etc/passwd", env, "linux")).toBe(false);
    expect(openInBrowser("http://shop.test", { PATH: env.PATH }, "linux")).toBe(false);
    expect(openInBrowser("http://shop.test", { ...env, PATH: "/nowhere" }, "linux")).toBe(false);
    expect(openInBrowser("http://shop.test/a?b=c&d=$HOME", env, "linux")).toBe(true);
    while (!(await Bun.file(opened).exists())) await new Promise((resolve) => setImmediate(resolve));
    expect(await Bun.file(opened).text()).toBe("http://shop.test/a?b=c&d=$HOME");
  });
});
