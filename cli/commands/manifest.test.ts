import { expect, test } from "bun:test";
import { join } from "node:path";
import { davit, loggedIn, resultIn } from "#test/cli";

const flags = ["--name", "shop", "--route", "a.test", "--env", "A=1.10", "--env", "B=x: y", "--port", "80", "--bind", "mail", "--build-arg", "V=1"];

test("`davit manifest show` writes what pushes the app again without a change", async () => {
  await using world = await loggedIn();
  await davit(world.home, ["push", ...flags]);
  const { code, out } = await davit(world.home, ["manifest", "show", "shop"]);
  expect(out).toBe(
    [
      "name: shop\nnamespace: apps\nsource:\n  path: .\nroutes:\n  - a.test\ninstances: 1\nport: 80",
      'env:\n  A: "1.10"\n  B: "x: y"\nconfigurations:\n  - mail\nbuildArgs:\n  V: "1"\n',
    ].join("\n"),
  );
  expect(code).toBe(0);
  await Bun.write(join(world.home.source, "davit.yml"), out);
  expect(resultIn((await davit(world.home, ["push", "-o", "json"])).out)).toMatchObject({ outcome: "unchanged", app: "shop", revision: 1 });
});

test("-o json gives the same as an object", async () => {
  await using world = await loggedIn();
  await davit(world.home, ["push", "--name", "shop", "--git", "https://git.test/shop,main", "--env", "A=1"]);
  const { out } = await davit(world.home, ["manifest", "show", "shop", "-o", "json"]);
  expect(JSON.parse(out)).toEqual({
    name: "shop",
    namespace: "apps",
    source: { git: { url: "https://git.test/shop", revision: "main" } },
    routes: ["shop.apps.test"],
    instances: 1,
    port: 8080,
    env: { A: "1" },
  });
});

test("an app that is not there", async () => {
  await using world = await loggedIn();
  expect((await davit(world.home, ["manifest", "show", "nobody"])).code).toBe(3);
  expect((await davit(world.home, ["manifest", "show", "No"])).code).toBe(2);
});
