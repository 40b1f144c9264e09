import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { PushRequest } from "#shared/app";
import { davit, loggedIn, resultIn } from "#test/cli";
import type { FakeAgent } from "#test/fake-agent";

const DOCKERFILE = { Dockerfile: "FROM scratch\n" };

/** What an app's last push asked for, without the id. */
function asked(agent: FakeAgent, app: string, namespace = "apps"): Omit<PushRequest, "id"> | undefined {
  const { id: _, ...request } = agent.app(app, namespace)?.pushes.at(-1)?.request ?? {};
  return request;
}

describe("davit push with a davit.yml", () => {
  test("pushes what it says, and says that it did; what is a manifest is not uploaded", async () => {
    const manifest = "name: web\nroutes: [web.test]\ninstances: 2\nport: 80\nenv: {RATE: 1.50}\nconfigurations: [mail]\nbuildArgs: {V: 1}\n";
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": manifest });
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(err).toContain("pushing web to namespace apps");
    expect(err).toContain(", as davit.yml says\n");
    expect(resultIn(out)).toMatchObject({ outcome: "live", app: "web", sent: { chunks: 1 } });
    expect(asked(world.agent, "web")).toEqual({
      source: { kind: "tree", tree: expect.any(String) },
      routes: ["web.test"],
      instances: 2,
      port: 80,
      env: { RATE: "1.50" },
      configurations: ["mail"],
      buildArgs: { V: "1" },
    });
    expect(code).toBe(0);
  });

  test("a flag wins over it", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: web\nroutes: [web.test]\ninstances: 2\nenv: {A: 1, B: 2}\n" });
    const flags = ["--name", "other", "--no-route", "--instances", "1", "--env", "A=flag", "--unset-env", "B", "--bind", "mail"];
    expect((await davit(world.home, ["push", ...flags])).code).toBe(0);
    expect(asked(world.agent, "other")).toEqual({
      source: { kind: "tree", tree: expect.any(String) },
      routes: [],
      instances: 1,
      env: { A: "flag", B: null },
      bind: ["mail"],
    });
    expect(world.agent.app("web")).toBeUndefined();
  });

  test("a changed manifest alone sends nothing and builds nothing anew", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: web\n" });
    await davit(world.home, ["push"]);
    await Bun.write(join(world.home.source, "davit.yml"), "name: web\ninstances: 2\n");
    expect(resultIn((await davit(world.home, ["push", "-o", "json"])).out)).toMatchObject({ outcome: "live", revision: 2, sent: { chunks: 0 } });
    expect(world.agent.trees.size).toBe(1);
  });

  test("its namespace is the push's, unless -n names another", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: web\nnamespace: team\n" });
    world.agent.namespaces.set("team", "2026-01-01T00:00:00Z").set("other", "2026-01-01T00:00:00Z");
    expect((await davit(world.home, ["push"], { env: { DAVIT_NAMESPACE: "apps" } })).code).toBe(0);
    expect((await davit(world.home, ["push", "-n", "other"])).code).toBe(0);
    expect(world.agent.apps.map(({ namespace }) => namespace)).toEqual(["team", "other"]);
  });

  test.each([
    [["push", "deploy/davit.yml"], "."],
    [["push", "deploy"], "."],
    [["push", "davit.yml"], "deploy"],
    [["push"], "deploy"],
    [["push", "--path", "deploy"], "."],
  ])("%j in %s reads deploy/davit.yml, whose paths begin where it is", async (argv, folder) => {
    await using world = await loggedIn({
      "deploy/Dockerfile": "FROM scratch\n",
      "deploy/davit.yml": "name: web\nsource: {path: ../code}\n",
      "code/Dockerfile": "FROM a\n",
      "code/b": "b",
    });
    const { out } = await davit(world.home, [...argv, "-o", "json"], { cwd: join(world.home.source, folder) });
    // --path is a flag, and wins: there the Dockerfile of deploy is pushed.
    expect(resultIn(out)).toMatchObject({ outcome: "live", app: "web", sent: { chunks: argv.includes("--path") ? 1 : 2 } });
  });

  test.each([
    [["push", "nowhere.yml"], "there is no manifest 'nowhere.yml'"],
    [["push", "."], "the folder '.' has no davit.yml"],
    [["push", "a", "b"], "argument 2 is one too many"],
  ])("%j is a mistake that is named", async (argv, message) => {
    await using world = await loggedIn(DOCKERFILE);
    const { code, err } = await davit(world.home, argv);
    expect(err).toContain(message);
    expect([code, world.agent.requests]).toEqual([2, []]);
  });

  test("a manifest with a mistake is one JSON object, and nothing is asked of the agent", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: web\nport: http\nenv: {1: a}\n" });
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(resultIn(out)).toMatchObject({ outcome: "failed", app: "", fault: { code: "manifest_invalid", details: { line: "2", column: "7" } } });
    expect(err).toContain("  why:  davit.yml:2:7: port has to be a whole number from 1 to 65535\n        davit.yml:3:7: env.1 cannot be a name");
    expect([code, world.agent.requests]).toEqual([19, []]);
  });
});

describe("sources that the agent gets by itself", () => {
  test.each([
    [["--git", "https://git.test/team/Shop.git"], "shop", { kind: "git", url: "https://git.test/team/Shop.git" }],
    [
      ["--name", "web", "--git", "https://git.test/shop,v1.0", "--git-credential", "bot"],
      "web",
      { kind: "git", url: "https://git.test/shop", revision: "v1.0", credential: "bot" },
    ],
    [["--image", "registry.test/team/web:1.2"], "web", { kind: "image", image: "registry.test/team/web:1.2" }],
  ])("%j", async (flags, app, source) => {
    await using world = await loggedIn({ "README.md": "no Dockerfile is needed\n" });
    const { code, out, err } = await davit(world.home, ["push", ...flags, "-o", "json"]);
    expect(err).not.toContain("upload");
    expect(resultIn(out)).toMatchObject({ outcome: "live", app, sent: { chunks: 0, bytes: 0 } });
    expect(asked(world.agent, app)).toEqual({ source } as never);
    expect([code, world.agent.trees.size]).toEqual([0, 0]);
  });

  test("from the manifest; a flag with another source wins", async () => {
    await using world = await loggedIn({ ...DOCKERFILE, "davit.yml": "name: web\nsource: {git: {url: https://git.test/web, credential: bot}}\n" });
    await davit(world.home, ["push"]);
    expect(asked(world.agent, "web")?.source).toEqual({ kind: "git", url: "https://git.test/web", credential: "bot" });
    await davit(world.home, ["push", "--image", "registry.test/web"]);
    expect(asked(world.agent, "web")?.source).toEqual({ kind: "image", image: "registry.test/web" });
    await davit(world.home, ["push", "--path", "."]);
    expect(asked(world.agent, "web")?.source).toMatchObject({ kind: "tree" });
  });

  test("of a name that was made from a repository a person is asked", async () => {
    await using world = await loggedIn({});
    const { asked: questions, err } = await davit(world.home, ["push", "--git", "https://git.test/shop"], { isTTY: true, answers: ["n"] });
    expect(questions).toEqual(["Make the new app 'shop' in namespace 'apps'? [y/N]"]);
    expect(err).toContain("pushing shop (after the repository; --name gives another)");
  });

  test.each([
    [["--path", ".", "--git", "https://git.test/x"], "--path and --git cannot be given together"],
    [["--git", "https://git.test/x", "--image", "a"], "--git and --image cannot be given together"],
    [["--route", "a.test", "--no-route"], "--route and --no-route cannot be given together"],
    [["--env", "A=secret", "--unset-env", "A"], "--env A and --unset-env A cannot be given together"],
    [["--unset-env", "A=secret"], "--unset-env takes a variable's name"],
    [["--bind", "Mail"], "--bind 'Mail' has to be lower-case letters"],
    [["--attach", "--git", "https://git.test/x"], "--attach and --git cannot be given together"],
    [["--attach", "--bind", "mail"], "--attach and --bind cannot be given together"],
  ])("%j is a mistake that is named", async (flags, message) => {
    await using world = await loggedIn(DOCKERFILE);
    const { code, out, err } = await davit(world.home, ["push", ...flags]);
    expect(err).toContain(message);
    expect(out + err).not.toContain("secret");
    expect([code, world.agent.requests]).toEqual([2, []]);
  });
});

describe("Epinio's epinio.yml", () => {
  test("is read when there is no davit.yml, and what is not used of it is told", async () => {
    const manifest =
      "name: web\norigin: {path: code}\nconfiguration: {instances: 3, environment: {A: 1}, appchart: standard}\nstaging: {builder: b}\n";
    await using world = await loggedIn({ "code/Dockerfile": "FROM scratch\n", "epinio.yml": manifest });
    const { err } = await davit(world.home, ["push"]);
    expect(err).toContain("  epinio.yml: staging.builder is not used: davit builds the source's Dockerfile\n");
    expect(err).toContain("  epinio.yml: configuration.appchart is not used: davit has no app charts\n");
    expect(asked(world.agent, "web")).toMatchObject({ instances: 3, env: { A: "1" } });
    await Bun.write(join(world.home.source, "davit.yml"), "name: shop\nsource: {path: code}\n");
    await davit(world.home, ["push"]);
    expect(world.agent.app("shop")).toBeDefined();
  });
});
