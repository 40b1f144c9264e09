import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { certificatesIn, factsOf, fingerprintOf, parseFingerprint } from "#shared/tls/certificate";
import { type KeyPair, newAuthority, newLeaf } from "#shared/tls/signing";
import { createHome, davit, type Home, type RunOptions } from "#test/cli";
import { FakeAgent, TOKEN } from "#test/fake-agent";
import { freePort } from "#test/free-port";
import { loginsFile } from "../agent-client/logins.ts";

const MAIN = join(import.meta.dir, "..", "main.ts");
const DAY_MS = 86_400_000;
const stored = async (home: Home) => Object.values<{ ca?: string }>((await Bun.file(loginsFile(home.env)).json()).servers)[0];
const storedCa = async (home: Home) => certificatesIn((await stored(home))?.ca ?? "").map(fingerprintOf);
const log = (home: Home, agent: FakeAgent, flags: string[] = [], options: RunOptions = {}) =>
  davit(home, ["login", agent.url, "--token-stdin", ...flags], { stdin: TOKEN, ...options });
const print = ({ certificate }: KeyPair) => certificatesIn(certificate).map(fingerprintOf)[0] ?? "";

interface AgentOptions {
  /** What it says its CAs are, when it is not the one that signed. */
  names?: KeyPair[];
  port?: number;
  /** When its certificate was made. */
  at?: Date;
  hosts?: string[];
}

async function agentOf(ca: KeyPair, { names = [ca], port, at, hosts = ["127.0.0.1"] }: AgentOptions = {}): Promise<FakeAgent> {
  const leaf = await newLeaf(ca, { names: hosts }, at);
  const tls = { cert: leaf.certificate, key: leaf.key.reveal() };
  return new FakeAgent({ tls, ca: names.map(({ certificate }) => certificate).join(""), ...(port === undefined ? {} : { port }) });
}

describe("a server whose CA nobody knows", () => {
  test("is trusted when a person confirms its fingerprint, and only by that login", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    using agent = await agentOf(ca);
    const refused = await log(home, agent, [], { isTTY: true, answers: ["no"] });
    expect([refused.code, refused.err]).toEqual([26, expect.stringContaining("was not confirmed, so nothing was sent there")]);
    expect(agent.requests).toEqual(["GET /ca.crt"]);

    const { code, err, asked } = await log(home, agent, [], { isTTY: true, answers: ["y"] });
    expect(code).toBe(0);
    expect(err).toContain(print(ca));
    expect(asked).toEqual(["Is it that one? [y/N]"]);
    expect(await storedCa(home)).toEqual([print(ca)]);
    expect((await davit(home, ["whoami"])).code).toBe(0);
  });

  test("is trusted by its fingerprint, in davit's form and in openssl's, and by no other", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    using agent = await agentOf(ca);
    const wrong = await log(home, agent, ["--fingerprint", print(await newAuthority())]);
    expect([wrong.code, wrong.err]).toEqual([26, expect.stringContaining(`${print(ca)}. --fingerprint says SHA256:`)]);
    expect(agent.requests).toEqual(["GET /ca.crt"]);
    const written = certificatesIn(ca.certificate)[0]?.fingerprint256 ?? "";
    for (const fingerprint of [print(ca), written, `sha256:${written}`])
      expect((await log(home, agent, ["--fingerprint", fingerprint])).code).toBe(0);
    expect(JSON.parse((await log(home, agent, ["-o", "json"])).out).ca).toEqual([print(ca)]);
  });

  test("is refused where nobody is there to confirm, and the fault says what to type", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    using agent = await agentOf(ca);
    const { code, err } = await log(home, agent);
    expect(code).toBe(26);
    expect(err).toContain(print(ca));
    expect(err).toContain(`\`davit login ${agent.url} --fingerprint SHA256:... --token-stdin\``);
    expect(agent.requests).toEqual(["GET /ca.crt"]);
    expect(await Bun.file(loginsFile(home.env)).exists()).toBe(false);
  });

  test("is refused when the CA that it names is not the one that signed", async () => {
    await using home = await createHome();
    const other = await newAuthority();
    using agent = await agentOf(await newAuthority(), { names: [other] });
    const { code, err } = await log(home, agent, ["--fingerprint", print(other)]);
    expect([code, err]).toEqual([26, expect.stringContaining("the server does not show its CA")]);
  });

  test("may have a certificate that signed itself", async () => {
    await using home = await createHome();
    const self = Bun.spawnSync([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      "/CN=self",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      join(home.path, "k"),
      "-out",
      join(home.path, "c"),
    ]);
    expect(self.exitCode).toBe(0);
    const cert = await Bun.file(join(home.path, "c")).text();
    using agent = new FakeAgent({ tls: { cert, key: await Bun.file(join(home.path, "k")).text() } });
    expect((await log(home, agent, [], { isTTY: true, answers: ["yes"] })).code).toBe(0);
    expect(await storedCa(home)).toEqual(certificatesIn(cert).map(fingerprintOf));
  });

  test.each<[string, ...string[]]>([
    ["--fingerprint", "abc"],
    ["--fingerprint", `SHA256:${"0".repeat(64)}`, "--ca-file", "x"],
  ])("usage: %p %p", async (...flags) => {
    await using home = await createHome();
    expect((await davit(home, ["login", "https://127.0.0.1:1", "--token-stdin", ...flags])).code).toBe(2);
  });
});

describe("later", () => {
  test("a renewed certificate of the same CA goes unnoticed", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    const port = freePort();
    {
      using agent = await agentOf(ca, { port });
      await log(home, agent, ["--fingerprint", print(ca)]);
    }
    using _ = await agentOf(ca, { port, names: [] });
    expect(await davit(home, ["whoami"])).toMatchObject({ code: 0, err: "" });
  });

  test("another CA is a fault with both fingerprints, and the token stays here; a new login asks again", async () => {
    await using home = await createHome();
    const [ca, other] = [await newAuthority(), await newAuthority()];
    const port = freePort();
    {
      using agent = await agentOf(ca, { port });
      await log(home, agent, ["--fingerprint", print(ca)]);
    }
    using agent = await agentOf(other, { port });
    const { code, err } = await davit(home, ["app", "list"]);
    expect(code).toBe(26);
    expect(err).toContain("(certificate_changed)");
    expect(err).toContain(`trusts the CA ${print(ca)}`);
    expect(err).toContain(`of another: ${print(other)}`);
    expect(err).toContain(`\`davit login ${agent.url} --fingerprint SHA256:... --token-stdin\``);
    expect((await davit(home, ["app", "exec", "shop", "--", "ls"])).err).toContain("(certificate_changed)");
    expect((await log(home, agent)).code).toBe(26);
    expect(new Set(agent.requests)).toEqual(new Set(["GET /ca.crt"]));

    const again = await log(home, agent, [], { isTTY: true, answers: ["y"] });
    expect([again.code, again.err]).toEqual([0, expect.stringContaining(`until now it was ${print(ca)}`)]);
    expect(await storedCa(home)).toEqual([print(other)]);
  });

  test("an expired certificate is said to be one, with its issuer", async () => {
    await using home = await createHome();
    const ca = await newAuthority();
    const port = freePort();
    {
      using agent = await agentOf(ca, { port });
      await log(home, agent, ["--fingerprint", print(ca)]);
    }
    using agent = await agentOf(ca, { port, at: new Date(Date.now() - 900 * DAY_MS) });
    const { code, err } = await davit(home, ["whoami"]);
    expect([code, err]).toEqual([
      26,
      expect.stringContaining(`(issuer: ${factsOf(certificatesIn(ca.certificate)[0] as never).subject}) is not good: it expired at `),
    ]);
    expect(agent.requests).toEqual([]);
  });

  test("a CA that is replaced with overlap is followed step by step, each step told", async () => {
    await using home = await createHome();
    const [old, next] = [await newAuthority(), await newAuthority()];
    const port = freePort();
    const steps: [signer: KeyPair, names: KeyPair[], stored: KeyPair[]][] = [
      [old, [old], [old]],
      [old, [old, next], [old, next]],
      [next, [old, next], [old, next]],
      [next, [next], [next]],
    ];
    for (const [index, [signer, names, expected]] of steps.entries()) {
      using agent = await agentOf(signer, { port, names });
      const { code, err } = index === 0 ? await log(home, agent, ["--fingerprint", print(old)]) : await davit(home, ["whoami"]);
      expect([code, err]).toEqual([0, index % 2 === 0 ? "" : expect.stringContaining(`now trusts ${expected.map(print).join(" and ")}`)]);
      expect(await storedCa(home)).toEqual(expected.map(print));
    }
  });

  test("a certificate that the machine trusts takes the place of the login's CA", async () => {
    await using home = await createHome();
    const [ca, known] = [await newAuthority(), await newAuthority()];
    const port = freePort();
    {
      using agent = await agentOf(ca, { port });
      await log(home, agent, ["--fingerprint", print(ca)]);
    }
    using _ = await agentOf(known, { port });
    const bundle = join(home.path, "known.crt");
    await Bun.write(bundle, known.certificate);
    // What a machine trusts is settled when a process starts.
    const run = Bun.spawn([process.execPath, MAIN, "whoami"], { env: { ...home.env, NODE_EXTRA_CA_CERTS: bundle }, stdout: "pipe", stderr: "pipe" });
    expect([await run.exited, await new Response(run.stderr).text()]).toEqual([0, expect.stringContaining("publicly trusted certificate now")]);
    expect((await stored(home))?.ca).toBeUndefined();
  });

  test("an agent that names a CA which does not fit is not followed", async () => {
    await using home = await createHome();
    const [ca, other] = [await newAuthority(), await newAuthority()];
    const port = freePort();
    for (const names of [[ca], [other], []]) {
      using agent = await agentOf(ca, { port, names });
      if (names[0] === ca) await log(home, agent, ["--fingerprint", print(ca)]);
      expect(await davit(home, ["whoami"])).toMatchObject({ code: 0, err: "" });
      expect(await storedCa(home)).toEqual([print(ca)]);
    }
  });
});

test("fingerprints are read as people write them", () => {
  const hex = "ab".repeat(32);
  for (const text of [hex, hex.toUpperCase(), `SHA256:${hex}`, `sha256=${hex}`, (hex.match(/../g) ?? []).join(":"), ` SHA-256:${hex}\n`])
    expect(parseFingerprint(text)).toBe(`SHA256:${hex}`);
  for (const text of ["", hex.slice(1), `${hex}a`, `SHA1:${hex}`, "x".repeat(64)]) expect(parseFingerprint(text)).toBeUndefined();
});
