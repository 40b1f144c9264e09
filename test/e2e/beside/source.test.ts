import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { FaultCode } from "#shared/fault";
import { appFiles, BINARY, DOCKERFILE, davit, folder, kubectl, parseEvents, push, server, tenant } from "#test/lab";

interface Refused {
  folder: (path: string) => void;
  code: FaultCode;
  exit: number;
  says: string;
}

const REFUSED: Record<string, Refused> = {
  "an empty folder": { folder: () => undefined, code: "source_empty", exit: 12, says: "nothing to push" },
  "all of it ignored": {
    folder: (path) => withDockerfile(path, () => writeFileSync(join(path, ".davitignore"), "*\n")),
    code: "source_empty",
    exit: 12,
    says: "ignored",
  },
  "no Dockerfile": { folder: (path) => writeFileSync(join(path, "server.ts"), ""), code: "no_dockerfile", exit: 18, says: "Dockerfile" },
  "a named pipe": { folder: (path) => withDockerfile(path, () => mkfifo(join(path, "queue"))), code: "source_special_file", exit: 16, says: "queue" },
  "a link out of the source": {
    folder: (path) => withDockerfile(path, () => symlinkSync("../../etc/passwd", join(path, "users"))),
    code: "source_link",
    exit: 15,
    says: "users",
  },
  "an absolute link": {
    folder: (path) => withDockerfile(path, () => symlinkSync("/etc/passwd", join(path, "users"))),
    code: "source_link",
    exit: 15,
    says: "users",
  },
  "links in a circle": {
    folder: (path) =>
      withDockerfile(path, () => {
        symlinkSync("b", join(path, "a"));
        symlinkSync("a", join(path, "b"));
      }),
    code: "source_link",
    exit: 15,
    says: "a",
  },
  "a name that is no UTF-8": {
    folder: (path) => withDockerfile(path, () => writeFileSync(Buffer.concat([Buffer.from(`${path}/caf`), Buffer.from([0xe9])]), "")),
    code: "source_name",
    exit: 17,
    says: "caf",
  },
};

function withDockerfile(path: string, more: () => void): void {
  writeFileSync(join(path, "Dockerfile"), DOCKERFILE);
  more();
}

function mkfifo(path: string): void {
  Bun.spawnSync(["mkfifo", path]);
}

test("a source that cannot be sent is refused with its own fault, and nothing of the app is made", async () => {
  await using space = await tenant("source");
  const cases = Object.entries(REFUSED).map(async ([name, { folder: fill, code, exit, says }], index) => {
    using source = folder();
    fill(source.path);
    const result = await push(source.path, ["--name", space.app(`bad-${index}`), "-n", space.name]);
    expect({ name, outcome: result.outcome, code: result.fault?.code, exit: result.exit }).toEqual({ name, outcome: "failed", code, exit });
    expect(result.fault?.message).toContain(says);
    expect(result.revision).toBeNull();
  });
  await Promise.all(cases);
  using source = folder(appFiles("a file"));
  const args = ["--name", space.app("nowhere"), "-n", space.name];
  expect(await push(join(source.path, "gone"), args)).toMatchObject({ exit: 10, fault: { code: "source_not_found" } });
  expect(await push(join(source.path, "server.ts"), args)).toMatchObject({ exit: 11, fault: { code: "source_not_directory" } });
  expect(await kubectl("get", "apps.davit.dev,revisions.davit.dev,deployments", "-n", space.name, "-o", "name")).toBe("");
}, 60_000);

test("a part that cannot be read is named, and can be left out", async () => {
  await using space = await tenant("locked");
  using source = folder({ ...appFiles("open"), "keys/private.pem": "hidden" });
  chmodSync(join(source.path, "keys/private.pem"), 0);
  const args = ["push", "--path", source.path, "--name", space.app("locked"), "-n", space.name, "-o", "json"];
  const file = await bound(args);
  expect(file).toMatchObject({ exit: 13, fault: { code: "source_unreadable", details: { path: "keys/private.pem" } } });
  chmodSync(join(source.path, "keys"), 0);
  expect(await bound(args)).toMatchObject({ exit: 13, fault: { code: "source_unreadable", details: { path: "keys" } } });
  source.write({ ".davitignore": "/keys\n" });
  expect(await bound(args)).toMatchObject({ exit: 0, outcome: "live" });
  chmodSync(join(source.path, "keys"), 0o755);
}, 60_000);

/** Runs davit as somebody whom permission bits bind: root without the right to pass them by. */
async function bound(args: readonly string[]) {
  const stripped = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] : [];
  const child = Bun.spawn([...stripped, BINARY, ...args], { stdout: "pipe", stderr: "ignore" });
  return { ...JSON.parse(await new Response(child.stdout).text()), exit: await child.exited };
}

/** An app that tells what files it has: path, kind, size or target, and sha256. */
const TELLER = `
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
const tell = (path) => {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return ["link", readlinkSync(path)];
  if (stat.isDirectory()) return ["folder"];
  return [stat.mode & 0o111 ? "program" : "file", stat.size, new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex")];
};
const all = () => readdirSync("data", { recursive: true }).map((name) => [name, ...tell("data/" + name)]);
Bun.serve({ port: process.env.PORT, fetch: (request) => Response.json(request.url.endsWith("/count") ? all().length : all()) });
process.on("SIGTERM", () => process.exit(0));
`;

test("whatever a file is called and however long it is, it arrives as it is", async () => {
  await using space = await tenant("names");
  using source = folder({ Dockerfile: DOCKERFILE, "server.ts": TELLER });
  const files: Record<string, Uint8Array | string> = {
    empty: "",
    "two\nlines": "newline",
    [`${"ä".repeat(127)}x`]: "255 bytes",
    [`${"deep/".repeat(60)}down`]: "a long path",
    " leading and trailing ": "spaces",
    "-rf": "a flag",
    "*": "a pattern",
    "$(HOME) `x` 'y' \"z\" \\": "a shell's nightmare",
    ".hidden": "a dot",
    "\u202Eright to left": "controls",
    "chunked.bin": crypto.getRandomValues(new Uint8Array(65_536)).toHex().repeat(72),
  };
  const expected: Record<string, unknown[]> = {};
  for (const [name, content] of Object.entries(files)) {
    const path = join(source.path, "data", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    expected[name] = ["file", content.length, new Bun.CryptoHasher("sha256").update(content).digest("hex")];
  }
  chmodSync(join(source.path, "data/-rf"), 0o755);
  symlinkSync("two\nlines", join(source.path, "data/link"));
  mkdirSync(join(source.path, "data/nothing in here"));
  const result = await push(source.path, ["--name", space.app("names"), "-n", space.name]);
  expect([result.outcome, result.stderr]).toEqual(["live", expect.any(String)]);
  const told = (await (await fetch(result.url ?? "")).json()) as [string, ...unknown[]][];
  const arrived = Object.fromEntries(told.filter(([name]) => !/^deep(\/deep)*$/.test(name)).map(([name, ...rest]) => [name, rest]));
  expect(arrived).toEqual({
    ...expected,
    "-rf": ["program", ...(expected["-rf"]?.slice(1) ?? [])],
    link: ["link", "two\nlines"],
    "nothing in here": ["folder"],
  });
}, 60_000);

test("fifty thousand files are one push like any other", async () => {
  await using space = await tenant("many");
  // All of them are sent and laid out for the build; the image takes a few, because how fast kaniko copies is not davit's.
  using source = folder({ Dockerfile: DOCKERFILE.replace("COPY . .", "COPY server.ts ./\nCOPY data/7 ./data"), "server.ts": TELLER });
  for (let index = 0; index < 50_000; index++) {
    const path = join(source.path, "data", String(index % 100));
    if (index < 100) mkdirSync(path, { recursive: true });
    writeFileSync(join(path, String(index)), index % 2 === 0 ? "the same" : String(index));
  }
  const done = await davit(["push", "--path", source.path, "--name", space.app("many"), "-n", space.name, "-o", "events"]);
  const events = parseEvents(done.stdout);
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`the events end without a result: ${done.stderr}`);
  expect(last.result).toMatchObject({ outcome: "live", sent: { chunks: 25_003 } });
  const hydrated = events.find((event) => event.type === "phase-ended" && event.phase === "hydrate");
  expect(hydrated).toMatchObject({ note: expect.stringContaining("50002 files written") });
  expect(await (await fetch(`${last.result.url}/count`)).json()).toBe(500);
}, 180_000);

test("what cannot be pushed to is said before anything is built: bad name, taken route, namespace missing or not davit's", async () => {
  await using space = await tenant("refused");
  using source = folder(appFiles("first come"));
  const first = await push(source.path, ["--name", space.app("first"), "-n", space.name]);
  expect(first.outcome).toBe("live");
  const route = new URL(first.url ?? "").hostname;
  const cases: [args: string[], code: FaultCode, exit: number][] = [
    [["--name", "Shop_1", "-n", space.name], "name_invalid", 2],
    [["--name", "x".repeat(41), "-n", space.name], "name_invalid", 2],
    [["--name", space.app("second"), "-n", space.name, "--route", route], "route_taken", 3],
    [["--name", space.app("second"), "-n", `${space.name}-gone`], "namespace_not_found", 3],
    [["--name", space.app("second"), "-n", "default"], "namespace_unmanaged", 3],
    [["--name", space.app("second"), "-n", "Not_A_Name"], "name_invalid", 2],
    [["--name", space.app("second"), "-n", space.name, "--route", "no dots"], "usage", 2],
  ];
  for (const [args, code, exit] of cases) {
    const done = await davit(["push", "--path", source.path, "-o", "json", ...args]);
    const { fault } = JSON.parse(done.stdout);
    expect({ args, code: fault.code, exit: done.code }).toEqual({ args, code, exit });
  }
  expect(await kubectl("get", "apps.davit.dev", "-n", space.name, "-o", "name")).toBe(`app.davit.dev/${space.app("first")}\n`);
  expect(await (await fetch(first.url ?? "")).text()).toBe("first come");

  // A route that its app gives up is free again.
  expect((await push(source.path, ["--name", space.app("first"), "-n", space.name, "--route", `other-${route}`])).outcome).toBe("live");
  source.write({ "server.ts": server("second come") });
  const second = await push(source.path, ["--name", space.app("second"), "-n", space.name, "--route", route]);
  expect(second.outcome).toBe("live");
  expect(await (await fetch(first.url ?? "")).text()).toBe("second come");
}, 120_000);

test("an agent that is not there is said so", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => free.once("listening", resolve));
  const { port } = free.address() as { port: number };
  await new Promise((resolve) => free.close(resolve));
  using home = folder();
  const env = { XDG_CONFIG_HOME: home.path, KUBECONFIG: "" };
  const done = await davit(["login", `https://127.0.0.1:${port}`, "--token-stdin"], { stdin: "any", env });
  expect(done).toMatchObject({ code: 20, stdout: "" });
  expect(done.stderr).toContain(`https://127.0.0.1:${port}`);
  expect((await davit(["app", "list"], { env: { ...env, HOME: home.path } })).code).toBe(22);
}, 60_000);
