import { expect, test } from "bun:test";
import { davit, loggedIn } from "#test/cli";

async function ready() {
  const world = await loggedIn();
  const run = (argv: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, ["git-credential", ...argv], options);
  return { ...world, run };
}
const CREATE = ["create", "work", "--host", "Git.Example.com:443", "--password-stdin"];

test("a credential is made from stdin, listed without its password, and deleted", async () => {
  await using world = await ready();
  const made = await world.run([...CREATE, "--username", "ann"], { stdin: "correct horse\n" });
  expect([made.out, made.code]).toEqual(["git credential work made for git.example.com\n", 0]);
  expect(world.agent.gitCredentials.get("work")).toEqual({ host: "git.example.com", username: "ann", password: "correct horse" });
  const listed = await world.run(["list"]);
  expect(listed.out).toMatch(/^NAME +HOST +USERNAME +AGE\nwork +git\.example\.com +ann +\d+ \w+\n$/);
  const json = await world.run(["list", "-o", "json"]);
  expect(JSON.parse(json.out)).toMatchObject([{ name: "work", host: "git.example.com", username: "ann" }]);
  expect(made.out + made.err + listed.out + json.out).not.toContain("horse");
  expect((await world.run(["delete", "work"])).out).toBe("git credential work deleted\n");
  expect((await world.run(["list"])).err).toContain("davit help git-credential create");
});

test("the CA of a company's server goes with it", async () => {
  await using world = await ready();
  const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  await Bun.write(`${world.home.source}/ca.crt`, pem);
  expect((await world.run([...CREATE, "--ca-file", "ca.crt"], { stdin: "token" })).code).toBe(0);
  expect(world.agent.gitCredentials.get("work")).toEqual({ host: "git.example.com", username: "git", password: "token", ca: pem });
});

test.each([
  [["create", "work", "--password-stdin"], "--host HOST names the one"],
  [["create", "work", "--host", "git.example.com"], "--password-stdin reads it"],
  [["create", "Work", "--host", "git.example.com", "--password-stdin"], "the name of a git credential has to be lower-case"],
  [["create", "work", "--host", "https://git.example.com", "--password-stdin"], "--host has to be a host such as git.example.com"],
  [[...CREATE, "--username", "a:b"], "--username must not have a ':'"],
  [[...CREATE, "--ca-file", "missing.crt"], "missing.crt cannot be read"],
  [["create", "work", "--host", "git.example.com", "--password", "s3cret"], "shell's history"],
])("davit git-credential %j is a usage error that says why", async (argv, why) => {
  await using world = await ready();
  const ran = await world.run(argv, { stdin: "s3cret" });
  expect(ran.code).toBe(2);
  expect(ran.err).toContain(why);
  expect(ran.err).not.toContain("s3cret");
  expect(world.agent.gitCredentials.size).toBe(0);
});

test.each([
  ["", "nothing came on stdin"],
  ["two\nlines", "--password-stdin must not have control characters"],
])("a password that is %p is none", async (stdin, why) => {
  await using world = await ready();
  const ran = await world.run(CREATE, { stdin });
  expect([ran.code, ran.err.includes(why)]).toEqual([2, true]);
});

test("one that is there, and one that is not, are told with what to type", async () => {
  await using world = await ready();
  await world.run(CREATE, { stdin: "token" });
  const twice = await world.run(CREATE, { stdin: "other" });
  expect([twice.code, twice.err.includes("davit git-credential delete")]).toEqual([3, true]);
  const none = await world.run(["delete", "home"]);
  expect([none.code, none.err.includes("davit git-credential list")]).toEqual([3, true]);
});
