import { describe, expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import { davit, eventsIn, loggedIn, resultIn } from "#test/cli";

/** A home with one app, pushed once. */
async function pushed() {
  const world = await loggedIn({ Dockerfile: "FROM scratch\n", ".env.demo": "A=file\nB='from file'\n" });
  const run = (argv: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, argv, options);
  await run(["push", "--name", "shop", "--env", "GREETING=hello"]);
  /** What the last change asked for. */
  const asked = () => {
    const { id, ...request } = world.agent.app("shop")?.pushes.at(-1)?.request ?? {};
    return request;
  };
  return { ...world, run, asked, revisions: () => world.agent.app("shop")?.pushes.length };
}

describe("a change asks for one revision", () => {
  test.each([
    [["app", "restart", "shop"], { restart: true }],
    [["app", "stop", "shop"], { stopped: true }],
    [["app", "scale", "shop", "3"], { instances: 3 }],
    [["app", "rollback", "shop", "1"], { from: 1 }],
    [["app", "rollback", "shop"], { from: "previous" }],
    [["app", "restage", "shop"], { rebuild: true }],
    [["app", "restage", "shop", "--revision", "1"], { rebuild: true, from: 1 }],
    [["app", "env", "set", "shop", "A=x,y=z", "B="], { env: { A: "x,y=z", B: "" } }],
    [["app", "env", "set", "shop", "A=flag", "--env-file", ".env.demo"], { env: { A: "flag", B: "from file" } }],
    [["app", "env", "unset", "shop", "GREETING", "OTHER"], { env: { GREETING: null, OTHER: null } }],
    [
      ["app", "update", "shop", "--route", "a.test", "--route", "b.test/c", "--env=A=1", "--unset-env", "GREETING", "--port", "3000"],
      { routes: ["a.test", "b.test/c"], env: { A: "1", GREETING: null }, port: 3000 },
    ],
    [["app", "update", "shop", "--no-route", "--instances", "0"], { routes: [], instances: 0 }],
    [["app", "update", "shop", "--bind", "mail", "--unbind", "old"], { bind: ["mail"], unbind: ["old"] }],
  ] as const)("%p", async (argv, request) => {
    await using world = await pushed();
    const { code, err } = await world.run([...argv]);
    expect(err).not.toContain("davit:");
    expect(code).toBe(0);
    expect(world.revisions()).toBe(2);
    expect<object>(world.asked()).toEqual(request);
  });

  test("start, after stop", async () => {
    await using world = await pushed();
    await world.run(["app", "stop", "shop"]);
    expect((await world.run(["app", "start", "shop"])).code).toBe(0);
    expect(world.asked()).toEqual({ stopped: false });
    expect((await world.run(["app", "start", "shop"])).out).toStartWith("unchanged  https://shop.apps.test");
    expect(world.revisions()).toBe(3);
  });

  test("a value from stdin is taken as it is, but for one newline at its end", async () => {
    await using world = await pushed();
    await world.run(["app", "env", "set", "shop", "--stdin", "TOKEN", "A=1"], { stdin: "two\nlines\n\n" });
    expect(world.asked()).toEqual({ env: { A: "1", TOKEN: "two\nlines\n" } });
  });
});

describe("a change is told as a push is", () => {
  test("text: the story on stderr, the result on stdout", async () => {
    await using world = await pushed();
    const { out, err } = await world.run(["app", "scale", "shop", "2"]);
    expect(out).toMatch(/^live {2}https:\/\/shop\.apps\.test {2}\(revision 2, [\d.]+ m?s\)\n$/);
    expect(err).toContain("scaling shop in namespace apps");
    expect(err).toContain("  deploy ");
  });

  test("json: one object; events: numbered through, one done last", async () => {
    await using world = await pushed();
    expect(resultIn((await world.run(["app", "restart", "shop", "-o", "json"])).out)).toMatchObject({ outcome: "live", revision: 2, app: "shop" });
    world.agent.cuts.push(250, 40, 0, 300);
    const events = eventsIn((await world.run(["app", "restart", "shop", "-o", "events"])).out);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.flatMap((event) => (event.type === "phase-ended" ? [event.phase] : []))).toEqual(["plan", "hydrate", "stage", "deploy", "live"]);
    expect(events.at(-1)).toMatchObject({ type: "done", result: { outcome: "live", revision: 3 } });
  });

  test("--no-wait returns once it is accepted, and what it is called is told", async () => {
    await using world = await pushed();
    world.agent.hold = new Promise(() => {});
    const { code, out } = await world.run(["app", "restart", "shop", "--no-wait"]);
    expect([out, code]).toEqual(["detached  revision 2 of shop goes on; follow it with: davit push --attach --name shop -n apps\n", 0]);
  });

  test("--timeout and ^C leave it, and say how to follow it", async () => {
    await using world = await pushed();
    world.agent.hold = new Promise(() => {});
    const controller = new AbortController();
    const left = await world.run(["app", "restart", "shop", "-o", "json"], {
      signal: controller.signal,
      onErr: (line) => void (line.includes("live") && controller.abort()),
    });
    expect(resultIn(left.out)).toMatchObject({ outcome: "detached", revision: 2, fault: { code: "interrupted" } });
    expect(left.err).toContain("follow it with `davit push --attach --name shop -n apps`");
    expect(left.code).toBe(130);
  });

  test("what the agent has against it is the result, with the place and what to type", async () => {
    await using world = await pushed();
    world.agent.faults.push(
      new Fault("image_gone", "the image of revision 1 of 'shop' is not in the registry any more", { details: { revision: "1" } }),
    );
    const { code, out, err } = await world.run(["app", "rollback", "shop", "1", "-o", "json"]);
    expect(resultIn(out)).toMatchObject({ outcome: "failed", revision: null, app: "shop", namespace: "apps", fault: { code: "image_gone" } });
    expect(err).toContain("build it again from its source: `davit app restage shop -n apps --revision 1`");
    expect(code).toBe(58);
  });

  test("an app that is not there", async () => {
    await using world = await pushed();
    const { code, out } = await world.run(["app", "restart", "nobody", "-o", "json"]);
    expect(resultIn(out)).toMatchObject({ outcome: "failed", app: "nobody", fault: { code: "app_not_found" } });
    expect(code).toBe(3);
  });
});

test.each([
  [["app", "scale", "shop", "-1"], "davit app scale has no option -1"],
  [["app", "scale", "shop", "101"], "N is a whole number from 0 to 100, not '101'"],
  [["app", "scale", "shop", "two"], "N is a whole number from 0 to 100, not 'two'"],
  [["app", "scale", "shop"], "needs an argument more"],
  [["app", "rollback", "shop", "0"], "REVISION is a whole number from 1 to"],
  [["app", "rollback", "shop", "v1"], "REVISION is a whole number from 1 to"],
  [["app", "restage", "shop", "--revision", "x"], "--revision is a whole number from 1 to"],
  [["app", "restart", "shop", "--timeout", "10"], "--timeout is a duration such as 90s"],
  [["app", "restart", "shop", "--no-wait", "--timeout", "5m"], "--no-wait and --timeout cannot be given together"],
  [["app", "restart", "shop", "-o", "yaml"], "--output is one of text, json, events"],
  [["app", "env", "set", "shop"], "give K=V, --env-file FILE or --stdin K"],
  [["app", "env", "set", "shop", "A=1", "hunter2"], "K=V takes NAME=VALUE; number 2 has no '='"],
  [["app", "env", "set", "shop", "A=1", "+hunter2=="], "K=V takes NAME=VALUE; number 2 has no variable's name before the '='"],
  [["app", "env", "set", "shop", "__proto__=1"], "number 1 has no variable's name before the '='"],
  [["app", "env", "set", "shop", "--stdin", "A-B"], "--stdin is a variable's name"],
  [["app", "env", "set", "shop", "--env-file", "missing"], "--env-file missing cannot be read"],
  [["app", "env", "unset", "shop"], "needs an argument more"],
  [["app", "env", "unset", "shop", "A=hunter2"], "K is a variable's name"],
  [["app", "update", "shop"], "give at least one of the flags"],
  [["app", "update", "shop", "--route", "a.test", "--no-route"], "--route and --no-route cannot be given together"],
  [["app", "update", "shop", "--route", "nodot"], "--route 'nodot' has to be a host name with a dot"],
  [["app", "update", "shop", "--env", "A=hunter2", "--unset-env", "A"], "--env A and --unset-env A cannot be given together"],
  [["app", "update", "shop", "--instances", "many"], "--instances is a whole number from 0 to 100"],
  [["app", "update", "shop", "--port", "0"], "--port is a whole number from 1 to 65535"],
  [["app", "update", "shop", "--bind", "No"], "--bind 'No' has to be lower-case letters"],
  [["app", "update", "shop", "--unbind", "No"], "--unbind 'No' has to be lower-case letters"],
  [["app", "update", "shop", "--bind", "a", "--unbind", "a"], "--bind a and --unbind a cannot be given together"],
  [
    ["app", "logs", "shop", "--since", "yesterday"],
    "--since is a duration such as 90s, 10m or 1h30m, or a time such as 2026-01-31T08:00:00Z, not 'yesterday'",
  ],
  [["app", "logs", "shop", "--since", "2026-13-01T00:00:00Z"], "--since is a duration"],
  [["app", "logs", "shop", "--tail", "some"], "--tail is a whole number from 0 to 100000"],
  [["app", "logs", "shop", "--previous", "-f"], "--previous and --follow cannot be given together"],
  [["app", "logs", "shop", "--staging", "--since", "5m"], "--staging and --since cannot be given together"],
  [["app", "logs", "shop", "--staging", "--previous"], "--staging and --previous cannot be given together"],
  [["app", "list", "--all", "-n", "apps"], "--all and --namespace cannot be given together"],
  [["app", "exec", "shop", "-o", "json"], "--output is one of text, not 'json'"],
  [["app", "port-forward", "shop", "http"], "PORT is the app's port, from 1 to 65535"],
  [["app", "port-forward", "shop", "0"], "PORT is the app's port, from 1 to 65535"],
  [["app", "port-forward", "shop", "1:2:3"], "PORT is the app's port, from 1 to 65535"],
  [["app", "port-forward", "shop", "70000:80"], "PORT is the app's port, from 1 to 65535"],
  [["app", "port-forward", "shop", "--address", "example.com"], "--address is an IP address of this machine"],
] as const)("wrong: %p", async (argv, words) => {
  await using world = await pushed();
  const requests = world.agent.requests.length;
  const { code, out, err } = await world.run([...argv]);
  expect(err).toContain("(usage)");
  expect(err).toContain(words);
  expect(out + err).not.toContain("hunter2");
  expect(code).toBe(2);
  expect(world.agent.requests.length).toBe(requests);
});

test.each([
  [["app", "restart", "Big Shop"]],
  [["app", "exec", "Big Shop"]],
  [["app", "port-forward", "Big Shop"]],
  [["app", "revisions", "Big Shop"]],
  [["app", "open", "Big Shop"]],
  [["app", "env", "list", "Big Shop"]],
])("no name of an app: %p", async (argv) => {
  await using world = await pushed();
  const { code, err } = await world.run(argv);
  expect(err).toContain("(name_invalid)");
  expect(code).toBe(2);
});
