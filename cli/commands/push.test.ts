import { describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { davit, eventsIn, type Home, loggedIn, resultIn } from "#test/cli";

describe("davit push", () => {
  test("tells the story on stderr and the result on stdout", async () => {
    await using world = await loggedIn({ Dockerfile: "FROM scratch\n", "app.js": "serve()\n" });
    const { code, out, err } = await davit(world.home, ["push"]);
    expect(out).toMatch(/^live {2}https:\/\/shop\.apps\.test {2}\(revision 1, [\d.]+ m?s\)\n$/);
    expect(err).toContain("pushing shop (after the folder; --name gives another) to namespace apps");
    expect(err).toMatch(/ {2}upload +\d+ ms {2}2 files, 21 B; sent 2 chunks, \d+ B\n/);
    expect(err).toContain("    | STEP 1: FROM scratch\n    | red words\n  stage       1.2 s  built\n");
    expect(code).toBe(0);
  });

  test("pushes again without a change: nothing is sent, the outcome is unchanged", async () => {
    await using world = await loggedIn();
    await davit(world.home, ["push"]);
    const { code, out } = await davit(world.home, ["push", "-o", "json"]);
    const { outcome, sent, reused, phases, revision } = resultIn(out);
    expect({ outcome, sent: sent.chunks, reused, revision }).toEqual({
      outcome: "unchanged",
      sent: 0,
      reused: { chunks: 1, bytes: 13, build: true },
      revision: 1,
    });
    expect(Object.keys(phases)).toEqual(["plan", "upload"]);
    expect(code).toBe(0);
  });

  test("sends only what changed, as the difference to the last tree", async () => {
    await using world = await loggedIn({ Dockerfile: "FROM scratch\n", "a.txt": "a".repeat(5000), "b.txt": "b" });
    await davit(world.home, ["push"]);
    await Bun.write(join(world.home.source, "b.txt"), "changed");
    const { sent, reused, outcome } = resultIn((await davit(world.home, ["push", "-o", "json"])).out);
    expect({ outcome, sent: sent.chunks, reused: reused.chunks }).toEqual({ outcome: "live", sent: 1, reused: 2 });
    expect(sent.bytes).toBeLessThan(600);
  });

  test("tells the agent the whole tree when it lost the last one, and sends lost chunks again", async () => {
    await using world = await loggedIn();
    await davit(world.home, ["push"]);
    world.agent.trees.clear();
    world.agent.chunks.clear();
    expect(resultIn((await davit(world.home, ["push", "--rebuild", "-o", "json"])).out)).toMatchObject({
      outcome: "live",
      revision: 2,
      sent: { chunks: 1 },
    });
  });

  test("begins anew when chunks vanish between upload and revision", async () => {
    await using world = await loggedIn();
    await davit(world.home, ["push"]);
    await Bun.write(join(world.home.source, "new.txt"), "new");
    const { agent, home } = world;
    // The answers to plan and negotiate are real; then the chunk's pack is stored and forgotten.
    const forget = agent.chunks.add.bind(agent.chunks);
    let forgotten = false;
    agent.chunks.add = (chunk) => {
      if (forgotten) return forget(chunk);
      forgotten = true;
      return agent.chunks;
    };
    expect(resultIn((await davit(home, ["push", "-o", "json"])).out)).toMatchObject({ outcome: "live", sent: { chunks: 2 } });
  });

  test("-o events: one numbering, phases of both sides, one done last", async () => {
    await using world = await loggedIn();
    world.agent.cuts.push(250, 40, 0, 300);
    const { code, out } = await davit(world.home, ["push", "-o", "events"]);
    const told = eventsIn(out);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    expect(told.filter(({ type }) => type === "done")).toEqual([expect.objectContaining({ seq: told.length })]);
    expect(told.flatMap((event) => (event.type === "phase-ended" ? [event.phase] : []))).toEqual([
      "plan",
      "upload",
      "hydrate",
      "stage",
      "deploy",
      "live",
    ]);
    expect(told.flatMap((event) => (event.type === "log" ? [event.line] : []))).toEqual(["STEP 1: FROM scratch", "\x1b[31mred\x1b[0m words"]);
    expect(code).toBe(0);
  });

  test("passes settings on: env file, env, routes, build args", async () => {
    await using world = await loggedIn({ Dockerfile: "FROM scratch\n", ".env.demo": "A=file\nB='from file'\n" });
    const flags = [
      "--env-file",
      ".env.demo",
      "--env",
      "A=x,y=z",
      "--env=EMPTY=",
      "--route",
      "shop.test",
      "--route",
      "test.com/shop",
      "--instances",
      "0",
      "--port",
      "3000",
      "--build-arg",
      "V=1",
    ];
    const { code, err } = await davit(world.home, ["push", "--name", "other", ...flags]);
    expect(err).not.toContain("davit:");
    const { id, source, ...request } = world.agent.app("other")?.pushes[0]?.request ?? {};
    expect(request).toEqual({
      env: { A: "x,y=z", B: "from file", EMPTY: "" },
      routes: ["shop.test", "test.com/shop"],
      instances: 0,
      port: 3000,
      buildArgs: { V: "1" },
    });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(code).toBe(0);
  });

  test("a failed push: one JSON object, words on stderr, the fault's exit code", async () => {
    await using world = await loggedIn();
    world.agent.ending = {
      outcome: "failed",
      url: null,
      fault: { code: "app_crashed", message: "the app ended by itself with exit code 3", details: { log: "boom" } },
    };
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(resultIn(out)).toMatchObject({ outcome: "failed", fault: { code: "app_crashed" } });
    expect(err).toContain("davit: the app ended by itself (app_crashed)\n  why:  the app ended by itself with exit code 3\n        | boom\n");
    expect(err).toContain("`davit app show shop -n apps`");
    expect(code).toBe(61);
  });

  test("faults before anything is sent still give one JSON object", async () => {
    await using world = await loggedIn();
    await rm(join(world.home.source, "Dockerfile"));
    await Bun.write(join(world.home.source, "index.html"), "");
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"]);
    expect(resultIn(out)).toMatchObject({ outcome: "failed", app: "shop", revision: null, fault: { code: "no_dockerfile" } });
    expect(err).toContain("FROM node:22-alpine");
    expect(code).toBe(18);
    expect(world.agent.requests).toEqual([]);
  });

  test("says that an ignore rule left the Dockerfile out", async () => {
    await using world = await loggedIn({ Dockerfile: "FROM scratch\n", ".gitignore": "Dockerfile\n", "a.txt": "a" });
    const { code, err } = await davit(world.home, ["push"]);
    expect(err).toContain("the Dockerfile is left out by an ignore rule");
    expect(code).toBe(18);
    expect(world.agent.apps).toEqual([]);
  });

  test.each([
    ["namespace_not_found", ["-n", "nowhere"], 3],
    ["source_not_found", ["--path", "nowhere"], 10],
    ["source_not_directory", ["--path", "Dockerfile"], 11],
    ["name_invalid", ["--name", "Big Shop"], 2],
    ["name_invalid", ["-n", "No"], 2],
    ["usage", ["--env", "NOVALUE"], 2],
    ["usage", ["--env", "1X=secret"], 2],
    ["usage", ["--env-file", "missing"], 2],
    ["usage", ["--build-arg", "X"], 2],
    ["usage", ["--route", "nodot"], 2],
    ["usage", ["--instances", "1.5"], 2],
    ["usage", ["--instances", "101"], 2],
    ["usage", ["--port", "0"], 2],
    ["usage", ["--port", "http"], 2],
    ["usage", ["--timeout", "10"], 2],
    ["usage", ["--timeout", "0s"], 2],
    ["usage", ["--timeout", "9999h"], 2],
    ["usage", ["--no-wait", "--timeout", "5m"], 2],
    ["usage", ["--attach", "--env", "A=b"], 2],
    ["usage", ["--attach", "--dry-run"], 2],
    ["usage", ["--server", "https://a.test", "--kubeconfig", "x"], 2],
    ["not_logged_in", ["--server", "https://a.test"], 22],
    ["usage", ["--kubeconfig", "missing"], 2],
    ["cluster_unreachable", ["--kubeconfig", import.meta.path], 25],
  ] as const)("%s: %p", async (fault, flags, exit) => {
    await using world = await loggedIn();
    const { code, out, err } = await davit(world.home, ["push", ...flags, "-o", "json"]);
    expect(resultIn(out).fault?.code).toBe(fault);
    expect(err).toContain(`(${fault})`);
    expect(out + err).not.toContain("secret");
    expect(code).toBe(exit);
    expect(world.agent.apps).toEqual([]);
  });

  test("--dry-run shows the plan and makes nothing", async () => {
    await using world = await loggedIn();
    const { code, out } = await davit(world.home, ["push", "--dry-run", "--env", "A=secret", "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject({ plan: { app: "shop", isNew: true, changes: ["env A: added"] }, source: { files: 1, bytes: 13 } });
    expect((await davit(world.home, ["push", "--dry-run"])).out).toContain("app           shop (new)  [default]\nnamespace     apps  [default]\n");
    expect((await davit(world.home, ["push", "--dry-run", "-o", "events"])).code).toBe(2);
    expect([world.agent.trees.size, world.agent.apps.length, code]).toEqual([0, 0, 0]);
  });
});

describe("a name that was guessed", () => {
  const push = async (home: Home, options: Parameters<typeof davit>[2], ...flags: string[]) => await davit(home, ["push", ...flags], options);

  test("is confirmed by a person when the app would be new", async () => {
    await using world = await loggedIn();
    const no = await push(world.home, { isTTY: true, answers: ["n"] });
    expect(no.asked).toEqual(["Make the new app 'shop' in namespace 'apps'? [y/N]"]);
    expect([no.code, world.agent.apps.length]).toEqual([130, 0]);
    expect((await push(world.home, { isTTY: true, answers: ["y"] })).code).toBe(0);
    expect((await push(world.home, { isTTY: true, answers: [] })).asked).toEqual([]);
  });

  test("is not asked about without a terminal, with --yes, or when davit.yml names it", async () => {
    await using world = await loggedIn({ Dockerfile: "FROM scratch\n", "davit.yml": "name: yaml-shop\n" });
    expect((await push(world.home, { isTTY: true, answers: [] })).asked).toEqual([]);
    expect(world.agent.app("yaml-shop")).toBeDefined();
    await rm(join(world.home.source, "davit.yml"));
    expect((await push(world.home, { isTTY: true, answers: [] }, "--yes")).asked).toEqual([]);
    expect(world.agent.app("shop")).toBeDefined();
  });
});
