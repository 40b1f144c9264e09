import { expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import { checkHost, guardedResolve, isForbidden } from "./guard.ts";

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "went well",
    (error) => (error instanceof Fault ? error.code : String(error)),
  );

test.each([
  "127.0.0.1",
  "127.8.9.10",
  "0.0.0.0",
  "169.254.169.254",
  "224.0.0.1",
  "255.255.255.255",
  "100.100.100.200",
  "192.0.0.192",
  "::",
  "::1",
  "0:0:0:0:0:0:0:1",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:a9fe:a9fe",
  "64:ff9b::7f00:1",
  "64:ff9b::169.254.169.254",
  "2002:7f00:1::",
  "fe80::1",
  "fe80::1%eth0",
  "ff02::1",
  "fd00:ec2::254",
  "not an address",
])("%s is forbidden", (address) => expect(isForbidden(address)).toBe(true));

test.each([
  "140.82.121.4",
  "10.0.0.7",
  "172.16.3.4",
  "192.168.1.1",
  "100.64.0.1",
  "198.18.0.254",
  "2606:50c0:8000::64",
  "fd12::7",
  "64:ff9b::8c52:7904",
])("%s is allowed: git servers are there", (address) => expect(isForbidden(address)).toBe(false));

test.each(["https://127.1/x", "https://2130706433/x", "https://0x7f.1/x", "https://[::1]/x", "https://LOCALHOST./x", "https://git.localhost/x"])(
  "%s is refused by its name, however it is written",
  (url) => expect(() => checkHost(new URL(url).hostname)).toThrow("does not fetch from"),
);

test("a name is judged by every address that it has", async () => {
  const answers: Record<string, string[]> = { good: ["10.0.0.7"], mixed: ["10.0.0.7", "127.0.0.1"], none: [], own: ["10.96.0.10"] };
  const resolve = guardedResolve(new Set(["10.96.0.10"]), async (host) => answers[host] ?? []);
  expect(await resolve("good")).toEqual(["10.0.0.7"]);
  expect(await resolve("10.1.2.3")).toEqual(["10.1.2.3"]);
  expect(await resolve("[fd12::7]")).toEqual(["fd12::7"]);
  for (const host of ["mixed", "none", "own", "10.96.0.10", "[::ffff:127.0.0.1]"]) expect(await codeOf(resolve(host))).toBe("git_refused");
});

test("a name that nobody knows is told so", async () => {
  expect(await codeOf(guardedResolve(new Set())("no-such-host.invalid"))).toBe("git_unreachable");
});
