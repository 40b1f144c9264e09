import { describe, expect, test } from "bun:test";
import type { DavitClient } from "#shared/api";
import { Fault } from "#shared/fault";
import type { PushEvent, PushResult } from "#shared/push-event";
import { davit, loggedIn, noPause } from "#test/cli";
import { STORY, TOKEN } from "#test/fake-agent";
import { blankResult } from "../push/ending.ts";
import { connectByLogin } from "./connect.ts";
import { followPush } from "./follow.ts";

const signal = new AbortController().signal;
const options = { namespace: "apps", app: "shop", revision: 1, signal, pause: noPause };
const world = { env: {}, signal, pause: noPause, err: () => {} };

async function pushed() {
  const { home, agent, ...scope } = await loggedIn();
  await davit(home, ["push", "--name", "shop", "--no-wait"]);
  const { once } = connectByLogin(world, agent.url, { token: TOKEN }, () => {});
  return { agent, once, ...scope };
}

async function collect(events: AsyncIterable<PushEvent>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const event of events) seqs.push(event.seq);
  return seqs;
}

const whole = Array.from({ length: STORY.length + 1 }, (_, index) => index + 1);
const done: PushResult = { ...blankResult(), outcome: "live" };

/* An agent whose answers to pushEvents are written by the test. */
function scripted(answers: ((after: number) => AsyncIterable<PushEvent>)[]): Pick<DavitClient, "pushEvents"> {
  return {
    pushEvents: ({ query }) => {
      const answer = answers.shift();
      if (!answer) throw new Fault("bug", "asked too often");
      return answer(Number(query.after));
    },
  };
}

const log = (seq: number): PushEvent => ({ seq, at: 1, type: "log", phase: "stage", line: `line ${seq}` });
async function* say(...events: PushEvent[]): AsyncGenerator<PushEvent> {
  yield* events;
}
async function* sayAndBreak(...events: PushEvent[]): AsyncGenerator<PushEvent> {
  yield* events;
  throw new Fault("agent_lost", "cut");
}

describe("followPush", () => {
  test("whatever byte the connection breaks at, each event comes once and in order", async () => {
    await using push = await pushed();
    for (let bytes = 0; bytes < 1600; bytes += 53) {
      push.agent.cuts.splice(0, push.agent.cuts.length, bytes, 90, 0, 333);
      expect(await collect(followPush(push.once, options))).toEqual(whole);
    }
  });

  test("drops what comes twice", async () => {
    const agent = scripted([() => sayAndBreak(log(1), log(2)), () => say(log(1), log(2), log(3), { seq: 4, at: 1, type: "done", result: done })]);
    expect(await collect(followPush(agent, options))).toEqual([1, 2, 3, 4]);
  });

  test("asks for what comes after the last event it saw", async () => {
    const asked: number[] = [];
    const after = (answer: () => AsyncIterable<PushEvent>) => (seq: number) => {
      asked.push(seq);
      return answer();
    };
    const agent = scripted([
      after(() => say(log(1))),
      after(() => sayAndBreak(log(2))),
      after(() => say({ seq: 3, at: 1, type: "done", result: done })),
    ]);
    await collect(followPush(agent, options));
    expect(asked).toEqual([0, 1, 2]);
  });

  test("a gap is a bug of the agent's", async () => {
    const agent = scripted([() => say(log(1), log(3))]);
    await expect(collect(followPush(agent, options))).rejects.toMatchObject({ code: "bug", message: "the agent's events go from 1 to 3" });
  });

  test("tells of each outage once, and waits longer each time", async () => {
    const waits: number[] = [];
    const lost: string[] = [];
    const agent = scripted([
      () => sayAndBreak(log(1)),
      () => sayAndBreak(),
      () => sayAndBreak(),
      () => sayAndBreak(log(2)),
      () => say({ seq: 3, at: 1, type: "done", result: done }),
    ]);
    const pause = async (ms: number) => void waits.push(ms);
    await collect(followPush(agent, { ...options, pause, onLost: (fault) => void lost.push(fault.code) }));
    expect(waits).toEqual([100, 200, 400, 100]);
    expect(lost).toEqual(["agent_lost", "agent_lost"]);
  });

  test("gives up when the agent stays away, after about five minutes", async () => {
    let waited = 0;
    const agent = { pushEvents: () => sayAndBreak() };
    const pause = async (ms: number) => {
      waited += ms;
    };
    await expect(collect(followPush(agent, { ...options, pause }))).rejects.toMatchObject({ code: "agent_lost" });
    expect(Math.round(waited / 60_000)).toBe(5);
  });

  test("what waiting would not mend ends it at once", async () => {
    await using push = await pushed();
    push.agent.tokens.clear();
    await expect(collect(followPush(push.once, options))).rejects.toMatchObject({ code: "token_rejected" });
  });

  test("an abort ends it with the signal's reason", async () => {
    await using push = await pushed();
    push.agent.hold = new Promise(() => {});
    const controller = new AbortController();
    const reason = new Fault("deadline", "time is up");
    const following = (async () => {
      for await (const { seq } of followPush(push.once, { ...options, signal: controller.signal }))
        if (seq === STORY.length) controller.abort(reason);
    })();
    await expect(following).rejects.toBe(reason);
  });
});
