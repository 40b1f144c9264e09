import { expect, test } from "bun:test";
import type { PushEvent } from "#shared/push-event";
import { appFiles, DOCKERFILE, davit, folder, kubectl, parseEvents, server, start, tenant } from "#test/lab";
import { live, randomText } from "#test/live";

/** Kills the agent's process in its Pod as a crash would: no signal handler runs, nothing is tidied up. */
async function killAgent(): Promise<void> {
  await kubectl("-n", "davit", "delete", "pod", "-l", "app.kubernetes.io/component=agent", "--grace-period=0", "--force", "--wait=false");
}

const SLOW_BUILD = `${DOCKERFILE}RUN for i in 1 2 3 4 5 6 7 8; do echo "step $i of the build"; sleep 0.4; done\n`;

const moments: [string, (event: PushEvent) => boolean][] = [
  ["when the revision is accepted", (event) => event.type === "phase-started" && event.phase === "hydrate"],
  ["when the source is on the volume", (event) => event.type === "phase-ended" && event.phase === "hydrate"],
  ["in the middle of the build's log", (event) => event.type === "log" && event.line.includes("step 4 of the build")],
  ["when the image is pushed", (event) => event.type === "phase-ended" && event.phase === "stage"],
  ["when the rollout begins", (event) => event.type === "phase-started" && event.phase === "deploy"],
  ["when the Pods are ready", (event) => event.type === "phase-ended" && event.phase === "deploy"],
];

for (const [index, [name, isMoment]] of moments.entries()) {
  test(`the agent is killed ${name}: the push ends as if nothing had happened, with no event lost or told twice`, async () => {
    await using space = await tenant("kill");
    using app = folder({ Dockerfile: SLOW_BUILD, "server.ts": server(`survivor ${index}`) });
    const pushing = start(["push", "--path", app.path, "--name", space.app("survivor"), "-n", space.name, "-o", "events"]);
    const events: PushEvent[] = [];
    let killed = false;
    for await (const event of live(pushing.stdout)) {
      events.push(event);
      if (!killed && isMoment(event)) {
        killed = true;
        await killAgent();
      }
    }
    expect({ exit: await pushing.exited, stderr: await new Response(pushing.stderr).text() }).toMatchObject({ exit: 0 });
    expect(killed).toBe(true);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, at) => at + 1));
    const done = events.at(-1);
    expect(done).toMatchObject({ type: "done", result: { outcome: "live", revision: 1 } });
    const steps = events.flatMap((event) => (event.type === "log" ? (/^step (\d) of the build/.exec(event.line)?.slice(1) ?? []) : []));
    expect(steps).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
    const url = done?.type === "done" ? done.result.url : "";
    expect(await (await fetch(url ?? "")).text()).toBe(`survivor ${index}`);
  }, 180_000);
}

test("the CLI is killed during the upload: the next push sends only what is missing", async () => {
  await using space = await tenant("upload");
  using app = folder(appFiles("resumed"));
  for (let index = 0; index < 24; index++) app.write({ [`data/${index}.bin`]: randomText(4 << 20) });
  const args = ["push", "--path", app.path, "--name", space.app("big"), "-n", space.name];
  const first = start([...args, "-o", "events"]);
  for await (const event of live(first.stdout)) {
    if (event.type === "progress" && event.phase === "upload" && event.done > event.total / 4) first.kill("SIGKILL");
  }
  await first.exited;
  const second = await davit([...args, "-o", "json"]);
  const result = JSON.parse(second.stdout);
  expect(result.outcome).toBe("live");
  expect(result.reused.chunks).toBeGreaterThan(0);
  expect(result.sent.chunks + result.reused.chunks).toBe(26);
}, 180_000);

test("the CLI is killed after the upload: the push goes on, and --attach follows it to its end", async () => {
  await using space = await tenant("attach");
  using app = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("attached") });
  const args = ["push", "--path", app.path, "--name", space.app("later"), "-n", space.name];
  const first = start([...args, "-o", "events"]);
  for await (const event of live(first.stdout)) if (event.type === "phase-started" && event.phase === "hydrate") first.kill("SIGKILL");
  await first.exited;
  const attached = await davit(["push", "--name", space.app("later"), "-n", space.name, "--attach", "-o", "events"]);
  const events = parseEvents(attached.stdout);
  expect(events.at(-1)).toMatchObject({ type: "done", result: { outcome: "live", revision: 1 } });
  expect(events.filter((event) => event.type === "log" && /^step \d of the build/.test(event.line))).toHaveLength(8);
}, 120_000);
