import { describe, expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import { davit, eventsIn, loggedIn, noPause, resultIn } from "#test/cli";
import { STORY } from "#test/fake-agent";

describe("leaving a push", () => {
  const never = () => new Promise<void>(() => {});

  test("--no-wait returns once the revision is accepted; --attach follows it from its first event", async () => {
    await using world = await loggedIn();
    world.agent.hold = never();
    const { code, out } = await davit(world.home, ["push", "--no-wait"]);
    expect(out).toBe("detached  revision 1 of shop goes on; follow it with: davit push --attach --name shop -n apps\n");
    expect(code).toBe(0);
    world.agent.hold = Promise.resolve();
    const attached = await davit(world.home, ["push", "--attach", "--name", "shop", "-o", "events"]);
    expect(eventsIn(attached.out)).toHaveLength(STORY.length + 1);
    expect(eventsIn(attached.out).at(-1)).toMatchObject({ type: "done", result: { outcome: "live", revision: 1 } });
  });

  test("--attach to an app that is not there", async () => {
    await using world = await loggedIn();
    const { code, out } = await davit(world.home, ["push", "--attach", "--name", "nobody", "-o", "json"]);
    expect(resultIn(out).fault?.code).toBe("app_not_found");
    expect(code).toBe(3);
  });

  test("--timeout: exit 124, outcome detached, and how to go on", async () => {
    await using world = await loggedIn();
    world.agent.hold = never();
    const { promise, resolve } = Promise.withResolvers<void>();
    const pause = (ms: number, signal: AbortSignal) => (ms === 600_000 ? promise : noPause(ms, signal));
    const onErr = (line: string) => void (line.includes("  live ") && resolve());
    const { code, out, err } = await davit(world.home, ["push", "--timeout", "10m", "-o", "json"], { pause, onErr });
    expect(resultIn(out)).toMatchObject({ outcome: "detached", revision: 1, fault: { code: "deadline" } });
    expect(err).toContain("the push did not end within 600 s");
    expect(err).toContain("follow it with `davit push --attach --name shop -n apps`");
    expect(code).toBe(124);
  });

  test("^C in the agent's part detaches", async () => {
    await using world = await loggedIn();
    world.agent.hold = never();
    const controller = new AbortController();
    const onErr = (line: string) => void (line.includes("live") && controller.abort());
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"], { signal: controller.signal, onErr });
    expect(resultIn(out)).toMatchObject({ outcome: "detached", revision: 1, fault: { code: "interrupted" } });
    expect(err).toContain("the push goes on; follow it with `davit push --attach --name shop -n apps`");
    expect(code).toBe(130);
  });

  test("^C during the upload: what was sent is kept, and running it again resumes", async () => {
    await using world = await loggedIn();
    const controller = new AbortController();
    const onErr = (line: string) => void (line.includes("  plan ") && controller.abort());
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"], { signal: controller.signal, onErr });
    expect(resultIn(out)).toMatchObject({ outcome: "failed", revision: null, fault: { code: "interrupted" } });
    expect(err).toContain("run the same push again");
    expect(code).toBe(130);
    expect((await davit(world.home, ["push"])).code).toBe(0);
  });

  test("an agent that stays away: detached, because the push goes on without us", async () => {
    await using world = await loggedIn();
    world.agent.hold = never();
    const onErr = (line: string) => void (line.includes("  live ") && world.agent.server.stop(true));
    const { code, out, err } = await davit(world.home, ["push", "-o", "json"], { onErr });
    expect(resultIn(out)).toMatchObject({ outcome: "detached", revision: 1, fault: { code: "agent_unreachable" } });
    expect(err).toContain("the push goes on, connecting again");
    expect(code).toBe(20);
  });

  test("faults of the agent while sending are those of the push", async () => {
    await using world = await loggedIn();
    world.agent.faults.push(new Fault("forbidden", "ann may not create apps in apps"));
    const { code, err } = await davit(world.home, ["push"]);
    expect(err).toContain("davit: not allowed (forbidden)");
    expect(code).toBe(24);
  });
});
