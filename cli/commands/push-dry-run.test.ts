import { describe, expect, test } from "bun:test";
import { davit, loggedIn } from "#test/cli";

const DOCKERFILE = { Dockerfile: "FROM scratch\n" };

describe("davit push --dry-run", () => {
  const manifest = "name: web\nroutes: [web.test]\nenv: {A: secret-a, B: secret-b}\nconfigurations: [mail]\n";

  test("says where each value comes from", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": manifest });
    const flags = ["--env", "B=secret-c", "--bind", "db", "--build-arg", "V=secret-d"];
    const fresh = JSON.parse((await davit(world.home, ["push", "--dry-run", "-o", "json", ...flags])).out);
    expect(fresh.origins).toEqual({
      name: "manifest",
      namespace: "default",
      source: "default",
      routes: "manifest",
      instances: "default",
      port: "default",
      env: { A: "manifest", B: "flag" },
      configurations: { mail: "manifest", db: "flag" },
      buildArgs: { V: "flag" },
    });
    await davit(world.home, ["push", "--instances", "3", "--env", "C=app", "--env", "D=app", "--bind", "old"]);
    const { out } = await davit(world.home, ["push", "--dry-run", "--unset-env", "D", ...flags]);
    for (const row of [
      "app           web  [manifest]",
      "namespace     apps  [default]",
      "routes        web.test  [manifest]",
      "instances     3  [app]",
      "env           A  [manifest]",
      "env           B  [flag]",
      "env           C  [app]",
      "configuration db  [flag]",
      "configuration mail  [manifest]",
      "build arg     V  [flag]",
    ]) {
      expect(out).toContain(`${row}\n`);
    }
    expect(out).not.toMatch(/secret|env +D /);
    expect(world.agent.app("web")?.pushes).toHaveLength(1);
  });

  test.each([
    [["--git", "https://git.test/shop,main"], { kind: "git", url: "https://git.test/shop", revision: "main" }, "https://git.test/shop, main  [flag]"],
    [["--image", "a.test/shop"], { kind: "image", image: "a.test/shop" }, "a.test/shop  [flag]"],
  ])("%j", async (flags, source, row) => {
    await using world = await loggedIn(DOCKERFILE);
    expect(JSON.parse((await davit(world.home, ["push", "--dry-run", "-o", "json", ...flags])).out).source).toEqual(source);
    expect((await davit(world.home, ["push", "--dry-run", ...flags])).out).toContain(`source        ${row}\n`);
  });

  test("of several apps is an array, or one below the other", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: a\n---\nname: b\n" });
    expect(JSON.parse((await davit(world.home, ["push", "--dry-run", "-o", "json"])).out)).toMatchObject([
      { plan: { app: "a" } },
      { plan: { app: "b" } },
    ]);
    expect((await davit(world.home, ["push", "--dry-run"])).out).toContain("\n\napp           b (new)  [manifest]\n");
  });
});
