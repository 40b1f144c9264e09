import { describe, expect, test } from "bun:test";
import { davit, loggedIn, logIn } from "#test/cli";
import { TOKEN } from "#test/fake-agent";

async function ready() {
  const world = await loggedIn();
  const run = (argv: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, argv, options);
  return { ...world, run };
}

describe("davit app", () => {
  test("list says what to type when there is nothing, and aligns what there is", async () => {
    await using world = await ready();
    const none = await world.run(["app", "list"]);
    expect([none.out, none.err, none.code]).toEqual(["", "no apps in namespace apps; `davit push` in a folder with a Dockerfile makes one\n", 0]);
    expect((await world.run(["app", "list", "-o", "json"])).out).toBe("[]\n");
    await world.run(["push", "--name", "shop"]);
    expect((await world.run(["app", "list"])).out).toBe(
      "NAME  STATUS  READY  REVISION  URL\nshop  live    1/1           1  https://shop.apps.test\n",
    );
    expect((await world.run(["app", "list", "--all"])).out).toStartWith("NAMESPACE  NAME");
    expect(JSON.parse((await world.run(["app", "list", "-o", "json"])).out)).toMatchObject([{ name: "shop", status: "live" }]);
  });

  test("the namespace: flag, then DAVIT_NAMESPACE, then the login's", async () => {
    await using world = await ready();
    logIn(world.home, world.agent.url, { token: TOKEN, namespace: "of-login" });
    const asked = async (argv: string[], env: Record<string, string> = {}) => {
      await world.run(["app", "list", ...argv], { env });
      return world.agent.requests.at(-1)?.split("/")[3];
    };
    expect(await asked([])).toBe("of-login");
    expect(await asked([], { DAVIT_NAMESPACE: "of-env" })).toBe("of-env");
    expect(await asked(["-n", "of-flag"], { DAVIT_NAMESPACE: "of-env" })).toBe("of-flag");
  });

  test("show", async () => {
    await using world = await ready();
    await world.run(["push", "--name", "shop"]);
    const { out } = await world.run(["app", "show", "shop"]);
    expect(out).toContain("url             https://shop.apps.test\n");
    expect(out).toContain("certificate     shop.apps.test: of CN=davit CA, until 2030-01-02\n");
    expect(out).toContain("\n\nREVISION  OUTCOME  AGE");
    expect(JSON.parse((await world.run(["app", "show", "shop", "-o", "json"])).out)).toMatchObject({ name: "shop", revisions: [{ number: 1 }] });
    expect((await world.run(["app", "show", "nobody"])).code).toBe(3);
  });

  test("logs, the app's and its staging's, as text and as NDJSON", async () => {
    await using world = await ready();
    await world.run(["push", "--name", "shop"]);
    world.agent.logLines = [1, 2, 3].map((number) => ({ instance: "abc12", line: `line ${number}`, at: "2026-01-01T00:00:00Z" }));
    expect((await world.run(["app", "logs", "shop"])).out).toBe("abc12 | line 1\nabc12 | line 2\nabc12 | line 3\n");
    expect((await world.run(["app", "logs", "shop", "--tail", "1", "-o", "json"])).out).toBe(
      '{"instance":"abc12","line":"line 3","at":"2026-01-01T00:00:00Z"}\n',
    );
    world.agent.cuts.push(300, 10);
    const staging = await world.run(["app", "logs", "shop", "--staging", "-o", "json"]);
    expect(
      staging.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).line),
    ).toEqual(["STEP 1: FROM scratch", "\x1b[31mred\x1b[0m words"]);
    expect((await world.run(["app", "logs", "shop", "--staging", "--tail", "0"])).out).toBe("");
  });

  test("logs -f goes on until ^C, which is not complained about", async () => {
    await using world = await ready();
    await world.run(["push", "--name", "shop"]);
    const controller = new AbortController();
    const onOut = () => controller.abort();
    const { code, out, err } = await world.run(["app", "logs", "shop", "-f"], { signal: controller.signal, onOut });
    expect([out, err, code]).toEqual(["abc12 | listening\n", "", 130]);
  });

  test("delete asks a person, needs --yes without one, and takes several names", async () => {
    await using world = await ready();
    for (const name of ["a", "b"]) await world.run(["push", "--name", name]);
    const alone = await world.run(["app", "delete", "a"]);
    expect(alone.err).toContain("(input_needed)");
    expect(alone.code).toBe(4);
    const no = await world.run(["app", "delete", "a", "b"], { isTTY: true, answers: ["no"] });
    expect([no.asked, no.err, no.code]).toEqual([["Delete 'a', 'b' from namespace 'apps'? [y/N]"], "nothing was deleted\n", 0]);
    expect(world.agent.apps.length).toBe(2);
    expect((await world.run(["app", "delete", "a"], { isTTY: true, answers: ["y"] })).out).toBe("a deleted\n");
    expect(JSON.parse((await world.run(["app", "delete", "b", "--yes", "-o", "json"])).out)).toEqual({ namespace: "apps", deleted: ["b"] });
    expect(world.agent.apps).toEqual([]);
  });
});

describe("davit namespace", () => {
  test("create, list, delete", async () => {
    await using world = await ready();
    expect((await world.run(["namespace", "create", "team"])).out).toBe("namespace team made\n");
    expect((await world.run(["namespace", "create", "team"])).out).toBe("namespace team was there already\n");
    expect((await world.run(["namespace", "list"])).out).toMatch(/^NAME {2}APPS {2}AGE\napps {5}0 {2}\d+ d\nteam {5}0 {2}\d+ d\n$/);
    expect((await world.run(["namespace", "delete", "team"])).code).toBe(4);
    expect((await world.run(["namespace", "delete", "team", "--yes"])).out).toBe("namespace team deleted, with 0 apps\n");
    expect(JSON.parse((await world.run(["namespace", "list", "-o", "json"])).out)).toMatchObject([{ name: "apps", apps: 0 }]);
    world.agent.namespaces.clear();
    expect((await world.run(["namespace", "list"])).err).toBe("no namespaces; make one with `davit namespace create NAME`\n");
    expect((await world.run(["namespace", "delete", "gone", "--yes", "-o", "json"])).out).toContain('"namespace_not_found"');
    expect((await world.run(["namespace", "create", "No"])).code).toBe(2);
  });
});
