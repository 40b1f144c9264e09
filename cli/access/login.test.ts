import { describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { type KeyPair, newAuthority, newLeaf } from "#shared/tls/signing";
import { createHome, davit, type Home } from "#test/cli";
import { FakeAgent, TOKEN } from "#test/fake-agent";
import { loginsFile } from "../agent-client/logins.ts";

const stored = async (home: Home) => await Bun.file(loginsFile(home.env)).json();
const log = async (home: Home, ...argv: string[]) => await davit(home, ["login", ...argv], { stdin: `${TOKEN}\n` });

async function tlsFor(ca: KeyPair, names: string[]): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await newLeaf(ca, { names });
  return { cert: certificate, key: key.reveal() };
}

describe("davit login", () => {
  test("stores what the agent accepts, for the owner's eyes only", async () => {
    await using home = await createHome();
    using agent = new FakeAgent();
    const { code, out } = await log(home, `${agent.url}/`, "--token-stdin", "-n", "team");
    expect(out).toBe(`logged in to ${agent.url} as ann\n`);
    expect(code).toBe(0);
    expect(await stored(home)).toEqual({ current: agent.url, servers: { [agent.url]: { namespace: "team", token: TOKEN } } });
    expect((await stat(loginsFile(home.env))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home.env.XDG_CONFIG_HOME ?? "", "davit"))).mode & 0o777).toBe(0o700);
  });

  test("again keeps the namespace and replaces the token; each server has its own", async () => {
    await using home = await createHome();
    using agent = new FakeAgent();
    using other = new FakeAgent();
    await log(home, agent.url, "--token-stdin", "-n", "team");
    await log(home, other.url, "--token-stdin");
    await log(home, agent.url, "--token-command", `echo ${TOKEN}`);
    expect(await stored(home)).toEqual({
      current: agent.url,
      servers: { [agent.url]: { namespace: "team", tokenCommand: `echo ${TOKEN}` }, [other.url]: { token: TOKEN } },
    });
    expect((await davit(home, ["whoami", "-o", "json"])).out).toContain(agent.url);
    expect((await davit(home, ["whoami", "-o", "json", "--server", other.url])).out).toContain(other.url);
    expect((await davit(home, ["app", "list"])).err).toContain("no such namespace");
  });

  test("stores nothing when the agent does not accept the token", async () => {
    await using home = await createHome();
    using agent = new FakeAgent();
    const { code, err } = await davit(home, ["login", agent.url, "--token-stdin"], { stdin: "stolen" });
    expect(err).toContain("(token_rejected)");
    expect(err).not.toContain("stolen");
    expect(code).toBe(23);
    expect(await Bun.file(loginsFile(home.env)).exists()).toBe(false);
  });

  test.each([
    [["--token", "abc"], "a token on the command line ends in the shell's history"],
    [[], "where is the token?"],
    [["--token-stdin", "--token-command", "x"], "--token-stdin and --token-command cannot be given together"],
    [["--token-stdin", "--ca-file", "missing.pem"], "missing.pem cannot be read"],
    [["--token-stdin", "--ca-file", "Dockerfile"], "has no PEM certificate in it"],
  ])("usage: %p", async (flags, why) => {
    await using home = await createHome();
    const { code, err } = await log(home, "https://a.test", ...flags);
    expect(err).toContain(why);
    expect(code).toBe(2);
  });

  test.each([
    ["http://davit.example.com", "plain HTTP"],
    ["ftp://davit.example.com", "has to be a server's address"],
    ["https://user:pw@davit.example.com", "a host and a path, nothing more"],
  ])("refuses %s", async (url, why) => {
    await using home = await createHome();
    const { code, err } = await log(home, url, "--token-stdin");
    expect(err).toContain(why);
    expect(code).toBe(2);
  });

  test.each(["", "two words", "two\nlines"])("refuses %p as a token", async (stdin) => {
    await using home = await createHome();
    expect((await davit(home, ["login", "https://a.test", "--token-stdin"], { stdin })).code).toBe(2);
  });

  test("^C while the token is awaited", async () => {
    await using home = await createHome();
    const controller = new AbortController();
    const openStdin = () => {
      setImmediate(() => controller.abort());
      return new PassThrough();
    };
    const { code, err } = await davit(home, ["login", "https://a.test", "--token-stdin"], { signal: controller.signal, openStdin });
    expect(err).toContain("(interrupted)");
    expect(code).toBe(130);
  });

  test("a damaged login file is said to be one, not ignored", async () => {
    await using home = await createHome();
    await Bun.write(loginsFile(home.env), "{");
    const { code, err } = await davit(home, ["whoami"]);
    expect(err).toContain("are damaged");
    expect(code).toBe(22);
  });
});

describe("a private CA", () => {
  test("is trusted by its login, and by nothing else", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    const otherCa = await newAuthority();
    using agent = new FakeAgent({ tls: await tlsFor(ca, ["127.0.0.1"]) });
    await Bun.write(join(home.source, "ca.pem"), ca.certificate);
    await Bun.write(join(home.source, "other.pem"), otherCa.certificate);

    const without = await log(home, agent.url, "--token-stdin");
    expect(without.err).toContain("(certificate_untrusted)");
    expect(without.err).toContain(`\`davit login ${agent.url} --ca-file FILE --token-stdin\``);
    expect(without.code).toBe(26);
    expect((await log(home, agent.url, "--token-stdin", "--ca-file", "other.pem")).code).toBe(26);

    const { code, out } = await log(home, agent.url, "--token-stdin", "--ca-file", "ca.pem");
    expect(out).toContain("as ann");
    expect(code).toBe(0);
    expect((await davit(home, ["push", "--name", "shop"])).out).toStartWith("live  ");
  });

  test("a certificate for another name is refused", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    using agent = new FakeAgent({ tls: await tlsFor(ca, ["davit.example.com"]) });
    await Bun.write(join(home.source, "ca.pem"), ca.certificate);
    expect((await log(home, agent.url, "--token-stdin", "--ca-file", "ca.pem")).code).toBe(26);
  });
});

describe("davit logout, whoami", () => {
  test("logout forgets the current login, or the named one", async () => {
    await using home = await createHome();
    using agent = new FakeAgent();
    using other = new FakeAgent();
    await log(home, agent.url, "--token-stdin");
    await log(home, other.url, "--token-stdin");
    expect((await davit(home, ["logout", agent.url])).out).toBe(`logged out of ${agent.url}\n`);
    expect(await stored(home)).toMatchObject({ current: other.url });
    expect((await davit(home, ["logout", "-o", "json"])).out).toBe(`${JSON.stringify({ server: other.url }, null, 2)}\n`);
    expect(await stored(home)).toEqual({ current: null, servers: {} });
    expect((await davit(home, ["logout"])).code).toBe(22);
    expect((await davit(home, ["whoami"])).code).toBe(22);
  });

  test("whoami says who, where and how", async () => {
    await using home = await createHome();
    using agent = new FakeAgent();
    await log(home, agent.url, "--token-stdin");
    expect(JSON.parse((await davit(home, ["whoami", "-o", "json"])).out)).toEqual({
      user: "ann",
      groups: ["developers"],
      server: agent.url,
      how: "login",
    });
    expect((await davit(home, ["whoami"])).out).toBe(`user    ann\ngroups  developers\nserver  ${agent.url}\nhow     login\n`);
  });
});
