import { expect, test } from "bun:test";
import { appFiles, DOCKERFILE, davit, folder, parseEvents, push, server, start, tenant } from "#test/lab";

const SLOW_BUILD = `${DOCKERFILE}RUN for i in 1 2 3 4 5 6 7 8; do echo "step $i of the build"; sleep 1; done\n`;

/** Reads until `text` has come, and leaves the rest to be read by nobody. */
async function until(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  const decoder = new TextDecoder();
  let seen = "";
  const reader = stream.getReader();
  while (!seen.includes(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the output ended without ${JSON.stringify(text)}: ${seen}`);
    seen += decoder.decode(value, { stream: true });
  }
  void reader.read().then(function drain({ done }): unknown {
    return done ? undefined : reader.read().then(drain);
  });
  return seen;
}

test("a push whose time is up goes on without its CLI, and --attach sees it live", async () => {
  await using space = await tenant("time");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("in the end") });
  const args = ["--name", space.app("slow"), "-n", space.name];
  const left = await push(source.path, [...args, "--timeout", "5s"]);
  expect(left).toMatchObject({ exit: 124, outcome: "detached", revision: 1, fault: { code: "deadline" } });
  expect(left.fault?.details?.["next"]).toContain(`davit push --attach --name ${space.app("slow")} -n ${space.name}`);
  const attached = await push(source.path, [...args, "--attach"]);
  expect(attached).toMatchObject({ exit: 0, outcome: "live", revision: 1 });
  expect(await (await fetch(attached.url ?? "")).text()).toBe("in the end");
}, 120_000);

test("^C while it is staged leaves at once, says how to come back, and the push goes on", async () => {
  await using space = await tenant("break");
  using source = folder({ Dockerfile: SLOW_BUILD, "server.ts": server("nevertheless") });
  const args = ["--name", space.app("left"), "-n", space.name];
  const pushing = start(["push", "--path", source.path, ...args, "-o", "events"]);
  const errors = new Response(pushing.stderr).text();
  await until(pushing.stdout, "step 2 of the build");
  pushing.kill("SIGINT");
  expect(await pushing.exited).toBe(130);
  expect(await errors).toContain(`davit push --attach --name ${space.app("left")} -n ${space.name}`);
  const attached = await push(source.path, [...args, "--attach"]);
  expect(attached).toMatchObject({ exit: 0, outcome: "live", revision: 1 });
  expect(await (await fetch(attached.url ?? "")).text()).toBe("nevertheless");
}, 120_000);

test("pushes of one app at once are staged one after the other, all of them live, the last one stays", async () => {
  await using space = await tenant("queue");
  const texts = ["red", "green", "blue"];
  const name = space.app("colour");
  const ended = await Promise.all(
    texts.map(async (text) => {
      using source = folder(appFiles(text));
      const done = await davit(["push", "--path", source.path, "--name", name, "-n", space.name, "-o", "events"]);
      const events = parseEvents(done.stdout);
      const last = events.at(-1);
      if (last?.type !== "done") throw new Error(`the events end without a result: ${done.stderr}`);
      return { text, exit: done.code, result: last.result, waited: events.some((event) => event.type === "notice" && /waiting/.test(event.message)) };
    }),
  );
  const inOrder = ended.toSorted((a, b) => (a.result.revision ?? 0) - (b.result.revision ?? 0));
  expect(inOrder.map(({ exit, result, waited }) => ({ exit, outcome: result.outcome, revision: result.revision, waited }))).toEqual([
    { exit: 0, outcome: "live", revision: 1, waited: false },
    { exit: 0, outcome: "live", revision: 2, waited: true },
    { exit: 0, outcome: "live", revision: 3, waited: true },
  ]);
  const last = inOrder.at(-1);
  expect(await (await fetch(last?.result.url ?? "")).text()).toBe(last?.text ?? "");
  const shown = await davit(["app", "show", name, "-n", space.name, "-o", "json"]);
  expect(JSON.parse(shown.stdout)).toMatchObject({ revision: 3, status: "live" });
}, 120_000);
