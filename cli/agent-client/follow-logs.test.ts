import { expect, test } from "bun:test";
import { appLogs } from "#agent/api/logs";
import { api, type DavitClient, type LogLine } from "#shared/api";
import { Fault } from "#shared/fault";
import { noPause } from "#test/cli";
import { FakePodLogs } from "#test/fake-pod-logs";
import { followLogs, type LogOptions } from "./follow-logs.ts";

/** The agent's own log reader, whose connection breaks after each so many lines: `cuts` says how many, then never more. */
function breaking(pods: FakePodLogs, cuts: number[], whileAway: () => void = () => {}): Pick<DavitClient, "appLogs"> {
  const appLogsOf: DavitClient["appLogs"] = async function* ({ namespace, app, query }, { signal } = {}) {
    const { follow = false, previous = false, tail, since, seen } = api.endpoints.appLogs.query?.parse(JSON.parse(JSON.stringify(query))) ?? {};
    const options = { follow, previous, tail, since, seen, signal: signal ?? new AbortController().signal };
    const left = cuts.shift() ?? Number.POSITIVE_INFINITY;
    let count = 0;
    for await (const line of appLogs(pods.kube, { namespace, app }, options)) {
      if (count++ === left) {
        whileAway();
        throw new Fault("agent_lost", "the connection to the agent broke");
      }
      yield line;
    }
  };
  return { appLogs: appLogsOf };
}

const follow = (client: Pick<DavitClient, "appLogs">, options: Partial<LogOptions & { signal: AbortSignal; onLost: () => void }> = {}) =>
  followLogs(
    client,
    { namespace: "team", app: "shop" },
    { follow: true, previous: false, tail: undefined, since: undefined, signal: new AbortController().signal, pause: noPause, ...options },
  );

async function next(lines: AsyncGenerator<LogLine>, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) {
    const { instance, line } = (await lines.next()).value;
    got.push(`${instance} ${line}`);
  }
  return got;
}

/** Two instances, many lines a second, over several seconds. */
function chatty(pods: FakePodLogs): string[] {
  const all: string[] = [];
  for (const name of ["shop-a", "shop-b"]) pods.start(name);
  for (let number = 0; number < 40; number++) {
    const name = number % 3 === 0 ? "a" : "b";
    pods.write(`shop-${name}`, String(number));
    all.push(`${name} ${number}`);
    if (number % 7 === 6) pods.tick();
  }
  return all;
}

test.each([[[0]], [[1]], [[5, 5, 5]], [[6, 1, 0, 0, 20]], [[39, 0]]])(
  "cut off after %p lines, every line comes once and each instance's in order",
  async (cuts) => {
    using pods = new FakePodLogs();
    const all = chatty(pods);
    let lost = 0;
    const got = await next(follow(breaking(pods, [...cuts]), { onLost: () => lost++ }), all.length);
    for (const instance of ["a", "b"])
      expect(got.filter((line) => line.startsWith(instance))).toEqual(all.filter((line) => line.startsWith(instance)));
    expect(lost).toBeGreaterThan(0);
  },
);

test("what is written while the agent is away comes too, of new instances and restarted ones", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "1", "2");
  const whileAway = () => {
    pods.write("shop-a", "3");
    pods.restart("shop-a");
    pods.write("shop-a", "4");
    pods.start("shop-c");
    pods.write("shop-c", "new");
  };
  const got = await next(follow(breaking(pods, [1], whileAway)), 5);
  expect(got.filter((line) => line.startsWith("a"))).toEqual(["a 1", "a 2", "a 3", "a 4"]);
  expect(got.filter((line) => line.startsWith("c"))).toEqual(["c new"]);
});

test("what --tail left out stays left out after a cut", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "old", "older");
  pods.tick(5);
  pods.write("shop-a", "1", "2", "3");
  expect(await next(follow(breaking(pods, [1]), { tail: 3 }), 3)).toEqual(["a 1", "a 2", "a 3"]);
});

test("a log that is not followed ends, over a cut too; the one before a restart is read once or not at all", async () => {
  using pods = new FakePodLogs();
  const all = chatty(pods);
  const got = await Array.fromAsync(follow(breaking(pods, [7, 3]), { follow: false }));
  expect(got.length).toBe(all.length);
  pods.restart("shop-a");
  const previous = Array.fromAsync(follow(breaking(pods, [3]), { follow: false, previous: true }));
  await expect(previous).rejects.toThrow("the connection to the agent broke");
});

test("an agent that is away from the first is not waited for; ^C ends it", async () => {
  using pods = new FakePodLogs();
  const away: Pick<DavitClient, "appLogs"> = {
    appLogs: async function* () {
      yield* await Promise.reject<LogLine[]>(new Fault("agent_unreachable", "away"));
    },
  };
  await expect(Array.fromAsync(follow(away))).rejects.toThrow("away");
  pods.start("shop-a");
  pods.write("shop-a", "1");
  const controller = new AbortController();
  const lines = follow(breaking(pods, []), { signal: controller.signal });
  expect(await next(lines, 1)).toEqual(["a 1"]);
  controller.abort();
  await expect(lines.next()).rejects.toThrow();
});
