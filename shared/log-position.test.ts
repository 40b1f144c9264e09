import { expect, test } from "bun:test";
import { LogPositions, SeenLines } from "./log-position.ts";

const at = (second: number, rest = "000000000") => `${new Date(second * 1000).toISOString().slice(0, 19)}.${rest}Z`;

test("a position is the newest second, and how many lines came of it; it travels as text", () => {
  const positions = new LogPositions();
  expect(positions.encode()).toBeUndefined();
  positions.note({ instance: "abc-1", at: at(1000, "123456789") });
  positions.note({ instance: "abc-1", at: at(1000, "999999999") });
  positions.note({ instance: "def-2", at: at(1007) });
  expect(positions.of("abc-1")).toEqual({ second: 1000, lines: 2 });
  positions.note({ instance: "abc-1", at: at(1001) });
  // Two outputs of a process may swap places: the earlier line is not given again from second 1001 on.
  positions.note({ instance: "abc-1", at: at(1000, "999999999") });
  expect(positions.encode()).toBe("abc-1@1001+1,def-2@1007+1");
  expect(SeenLines.parse(positions.encode())).toEqual(
    new Map([
      ["abc-1", { second: 1001, lines: 1 }],
      ["def-2", { second: 1007, lines: 1 }],
    ]),
  );
});

test("positions that were given are counted on from", () => {
  const positions = new LogPositions(new Map([["abc-1", { second: 1000, lines: 3 }]]));
  positions.note({ instance: "abc-1", at: at(1000) });
  expect(positions.of("abc-1")).toEqual({ second: 1000, lines: 4 });
});

test.each(["", "abc", "abc@1", "abc@x+1", "a@1+1,", "../b@1+1"])("%j is no list of positions", (text) => {
  expect(SeenLines.safeParse(text).success).toBe(false);
});

test("instances that have not written for longest are forgotten when there are very many", () => {
  const positions = new LogPositions();
  for (let number = 0; number < 600; number++) positions.note({ instance: `i-${number}`, at: at(2000 + ((number * 7) % 600)) });
  expect(positions.of("i-0")).toBeUndefined();
  expect(positions.encode()?.split(",")).toHaveLength(500);
});
