import { expect, test } from "bun:test";
import type { LogLine } from "#shared/api";
import { LogPositions, SeenLines } from "#shared/log-position";
import { FakePodLogs } from "#test/fake-pod-logs";
import { appLogs } from "./logs.ts";

const SHOP = { namespace: "team", app: "shop" };
const OPTIONS = { follow: false, previous: false, tail: undefined, since: undefined, seen: undefined };

const read = (pods: FakePodLogs, options: Partial<Parameters<typeof appLogs>[2]> = {}) =>
  appLogs(pods.kube, SHOP, { ...OPTIONS, signal: new AbortController().signal, ...options });

const text = ({ instance, line }: LogLine) => `${instance} ${line}`;

async function all(lines: AsyncIterable<LogLine>): Promise<string[]> {
  return (await Array.fromAsync(lines)).map(text);
}

/** The next lines of a log that goes on. */
async function next(lines: AsyncGenerator<LogLine>, count: number): Promise<string[]> {
  const got: string[] = [];
  while (got.length < count) got.push(text((await lines.next()).value));
  return got;
}

test("every instance's lines in order, all of them, the newest, those since a time, or those before the restart", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "a1", "a2");
  pods.tick(10);
  const since = pods.now();
  pods.write("shop-a", "a3");
  pods.start("shop-b");
  pods.write("shop-b", "b1");
  expect((await all(read(pods))).filter((line) => line.startsWith("a"))).toEqual(["a a1", "a a2", "a a3"]);
  expect((await all(read(pods))).length).toBe(4);
  expect((await all(read(pods, { tail: 1 }))).sort()).toEqual(["a a3", "b b1"]);
  expect((await all(read(pods, { since }))).sort()).toEqual(["a a3", "b b1"]);
  expect(await all(read(pods, { previous: true }))).toEqual([]);
  pods.restart("shop-a");
  pods.write("shop-a", "a4");
  expect(await all(read(pods, { previous: true }))).toEqual(["a a1", "a a2", "a a3"]);
  expect((await all(read(pods))).sort()).toEqual(["a a4", "b b1"]);
});

test("the log of an instance that crashes and waits is shown", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "last words");
  pods.end("shop-a");
  expect(await all(read(pods))).toEqual(["a last words"]);
});

test.each(["end", "break"] as const)("followed over streams that %s in the middle of a second, every line comes once", async (how) => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "1", "2");
  const lines = read(pods, { follow: true });
  expect(await next(lines, 2)).toEqual(["a 1", "a 2"]);
  pods.cut(how);
  pods.write("shop-a", "3", "4");
  expect(await next(lines, 2)).toEqual(["a 3", "a 4"]);
  pods.tick();
  pods.write("shop-a", "5");
  expect(await next(lines, 1)).toEqual(["a 5"]);
  await lines.return(undefined);
});

test("followed over restarts, which may fall into one second, and over Pods that come later", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "first");
  const lines = read(pods, { follow: true, tail: 0 });
  const following = next(lines, 4);
  await pods.followed("shop-a");
  pods.tick(60);
  pods.write("shop-a", "of the first container");
  pods.restart("shop-a");
  pods.write("shop-a", "of the second", "of the second too");
  pods.start("shop-b");
  pods.write("shop-b", "a new instance");
  const got = await following;
  expect(got.filter((line) => line.startsWith("a "))).toEqual(["a of the first container", "a of the second", "a of the second too"]);
  expect(got.filter((line) => line.startsWith("b "))).toEqual(["b a new instance"]);
  await lines.return(undefined);
});

test("a reader that was cut off has the rest, of the container before too", async () => {
  using pods = new FakePodLogs();
  pods.start("shop-a");
  pods.write("shop-a", "1", "2");
  pods.start("shop-b");
  pods.write("shop-b", "x");
  const positions = new LogPositions();
  for await (const line of read(pods)) positions.note(line);
  const seen = SeenLines.parse(positions.encode());
  expect(await all(read(pods, { seen }))).toEqual([]);
  pods.write("shop-a", "3");
  pods.restart("shop-a");
  pods.write("shop-a", "4");
  expect(await all(read(pods, { seen, tail: 1 }))).toEqual(["a 3", "a 4"]);
});
