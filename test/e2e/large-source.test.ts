import { expect, test } from "bun:test";
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { appFiles, folder, kubectl, push, tenant } from "#test/lab";

const GIB = 1024 ** 3;

/** A file of 3 GiB with something to find at its beginning, beyond 2 GiB and at its end; the rest are holes. */
function writeLarge(path: string): void {
  const file = openSync(path, "w");
  ftruncateSync(file, 3 * GIB);
  for (const [at, text] of [
    [0, "the beginning"],
    [2 * GIB + 7, "beyond 32 bits"],
    [3 * GIB - 7, "the end"],
  ] as const)
    writeSync(file, text, at);
  closeSync(file);
}

/** Looks at the source where it is built; only what was seen gets into the image. */
const LOOKING = `FROM oven/bun:1 AS look
WORKDIR /look
COPY data empty ./
RUN stat -c %s data empty > seen && for at in 0 ${2 * GIB + 7} ${3 * GIB - 7}; do dd if=data bs=1 skip=$at count=7 >> seen; done
FROM oven/bun:1
COPY --from=look /look/seen /app/
WORKDIR /app
CMD ["bun", "-e", "Bun.serve({ port: process.env.PORT, fetch: () => new Response(Bun.file('seen')) })"]
`;

test("a file of 3 GiB and an empty one arrive as they are", async () => {
  await using space = await tenant("large");
  using source = folder({ Dockerfile: LOOKING, empty: "" });
  writeLarge(join(source.path, "data"));
  const pushed = await push(source.path, ["--name", space.app("large"), "-n", space.name]);
  expect(pushed).toMatchObject({ exit: 0, outcome: "live" });
  // Four chunks hold all of the large one that differs: three with text, and one that is nothing but zeros.
  expect(pushed.sent.chunks).toBeLessThan(12);
  expect(await (await fetch(pushed.url ?? "")).text()).toBe(`${3 * GIB}\n0\nthe begbeyond the end`);
}, 300_000);

test("a file that is written while it is pushed: the push says so and nothing of the app is made", async () => {
  await using space = await tenant("writing");
  using source = folder(appFiles("written"));
  const path = join(source.path, "growing.log");
  writeFileSync(path, Buffer.alloc(64 * 1024 ** 2, "x"));
  const writer = Bun.spawn(["sh", "-c", 'while :; do echo more >> "$0"; done', path], { stdin: "ignore" });
  try {
    const pushed = await push(source.path, ["--name", space.app("written"), "-n", space.name]);
    expect(pushed).toMatchObject({ exit: 14, outcome: "failed", revision: null, fault: { code: "source_changed" } });
    expect(pushed.fault?.message).toContain("growing.log");
  } finally {
    writer.kill();
    await writer.exited;
  }
  expect(await kubectl("get", "apps.davit.dev", "-n", space.name, "-o", "name")).toBe("");
}, 120_000);
