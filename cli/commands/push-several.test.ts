import { describe, expect, test } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { davit, eventsIn, loggedIn, resultIn } from "#test/cli";

describe("several apps in one davit.yml", () => {
  const THREE = "name: a\nsource: {path: a}\n---\nname: b\nsource: {path: b}\n---\nname: c\nsource: {path: a}\n";
  const files = { "a/Dockerfile": "FROM a\n", "b/Dockerfile": "FROM b\n", "davit.yml": THREE };

  test("are pushed in their order; the results are an array", async () => {
    await using world = await loggedIn(files);
    const { code, out } = await davit(world.home, ["push", "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject(["a", "b", "c"].map((app) => ({ app, outcome: "live" })));
    expect(world.agent.apps.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(code).toBe(0);
    expect((await davit(world.home, ["push"])).out.match(/^unchanged {2}https:\/\/\w\.apps\.test/gm)).toHaveLength(3);
  });

  test("one that fails ends it, and what was done is said", async () => {
    await using world = await loggedIn(files);
    world.agent.onRevision = () => {
      world.agent.ending = { outcome: "failed", url: null, fault: { code: "app_crashed", message: "it ended" } };
    };
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject([
      { app: "a", outcome: "live" },
      { app: "b", outcome: "failed" },
    ]);
    expect(err).toEndWith("davit: of the 3 apps in davit.yml: pushed: a; failed: b; not begun: c\n");
    expect([code, world.agent.apps.length]).toEqual([61, 2]);
  });

  test("the first that fails leaves an array of one", async () => {
    await using world = await loggedIn(files);
    world.agent.ending = { outcome: "failed", url: null, fault: { code: "app_crashed", message: "it ended" } };
    const { out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject([{ app: "a", outcome: "failed" }]);
    expect(err).toEndWith("pushed: none; failed: a; not begun: b, c\n");
  });

  test("--no-wait begins them all; ^C begins no more", async () => {
    await using world = await loggedIn(files);
    world.agent.hold = new Promise(() => {});
    const begun = await davit(world.home, ["push", "--no-wait", "-o", "json"]);
    expect(JSON.parse(begun.out)).toMatchObject(["a", "b", "c"].map((app) => ({ app, outcome: "detached" })));
    const controller = new AbortController();
    const onErr = (line: string) => void (line.includes("  live ") && controller.abort());
    const left = await davit(world.home, ["push", "--rebuild", "-o", "json"], { signal: controller.signal, onErr });
    expect(JSON.parse(left.out)).toMatchObject([{ app: "a", outcome: "detached", fault: { code: "interrupted" } }]);
    expect(left.err).toEndWith("pushed: none; detached: a; not begun: b, c\n");
    expect(left.code).toBe(130);
  });

  test("-o events tells one after the other, each from 1 to its done", async () => {
    await using world = await loggedIn(files);
    const told = eventsIn((await davit(world.home, ["push", "-o", "events"])).out);
    expect(told.flatMap((event) => (event.type === "done" ? [event.result.app] : []))).toEqual(["a", "b", "c"]);
    expect(told.filter(({ seq }) => seq === 1)).toHaveLength(3);
  });

  test("--name takes one of them, as an object", async () => {
    await using world = await loggedIn(files);
    expect(resultIn((await davit(world.home, ["push", "--name", "b", "--route", "b.test", "-o", "json"])).out)).toMatchObject({ app: "b" });
    expect(world.agent.apps.map(({ name }) => name)).toEqual(["b"]);
    const none = await davit(world.home, ["push", "--name", "d"]);
    expect(none.err).toContain("davit.yml has no app 'd'; it has a, b, c");
    expect(none.code).toBe(2);
  });

  test.each(["--route=x.test", "--path=a", "--git=https://git.test/x", "--image=x", "--attach"])("%s needs to know which", async (flag) => {
    await using world = await loggedIn({ ...files, "a/davit.yml": THREE.replaceAll("path: a", "path: .").replaceAll("path: b", "path: ../b") });
    const { code, err } = await davit(world.home, ["push", flag]);
    expect(err).toContain(`${flag.split("=")[0]} is for one app, and `);
    expect(err).toContain("davit.yml has a, b, c: choose one with --name");
    expect([code, world.agent.requests]).toEqual([2, []]);
  });

  test("what is wrong with the last is found before the first is pushed", async () => {
    await using world = await loggedIn(files);
    await rm(join(world.home.source, "b/Dockerfile"));
    await mkdir(join(world.home.source, "b/src"));
    const { code, err } = await davit(world.home, ["push"]);
    expect(err).toContain("(no_dockerfile)");
    expect([code, world.agent.requests]).toEqual([18, []]);
  });
});
