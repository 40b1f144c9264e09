import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { temporaryFolder } from "#test/temporary";
import { Secret } from "../secret.ts";
import { leafIsGood, newAuthority, newLeaf } from "./signing.ts";

const names = ["registry.davit.svc.cluster.local", "registry", "198.18.7.9"];
const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);

test("a leaf serves TLS under each of its names to a client that trusts the authority, and to no other", async () => {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: [...names, "127.0.0.1"] });
  using server = Bun.serve({ port: 0, tls: { cert: leaf.certificate, key: leaf.key.reveal() }, fetch: () => new Response("hello") });
  const get = (tls: object) => fetch(`https://127.0.0.1:${server.port}/`, { tls }).then((answer) => answer.text());
  expect(await get({ ca: authority.certificate })).toBe("hello");
  expect(await get({ ca: authority.certificate, serverName: "registry" })).toBe("hello");
  await expect(get({ ca: (await newAuthority()).certificate })).rejects.toThrow();
  await expect(get({})).rejects.toThrow();
});

test("openssl finds the chain good", async () => {
  const folder = await mkdtemp(join(tmpdir(), "davit-x509-"));
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names });
  await Bun.write(join(folder, "ca.crt"), authority.certificate);
  await Bun.write(join(folder, "leaf.crt"), leaf.certificate);
  const verify = Bun.spawnSync(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.crt", "leaf.crt"], { cwd: folder });
  expect(`${verify.stdout}${verify.stderr}`).toBe("leaf.crt: OK\n");
  await rm(folder, { recursive: true });
});

test.each([
  ["RSA", ["-newkey", "rsa:2048"]],
  ["P-384", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"]],
])("a CA that somebody made with openssl signs with its %s key", async (_, kind) => {
  await using folder = await temporaryFolder();
  const files = ["-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ours", "-days", "90", "-addext", "keyUsage=critical,keyCertSign"];
  expect(Bun.spawnSync(["openssl", "req", "-x509", "-nodes", ...kind, ...files], { cwd: folder.path }).exitCode).toBe(0);
  // As `openssl` of old wrote keys: RSA PRIVATE KEY, EC PRIVATE KEY.
  const key = Bun.spawnSync(["openssl", "pkey", "-traditional", "-in", "ca.key"], { cwd: folder.path }).stdout.toString();
  const authority = { certificate: await Bun.file(join(folder.path, "ca.crt")).text(), key: new Secret(key) };
  const leaf = await newLeaf(authority, { names });
  await Bun.write(join(folder.path, "leaf.crt"), leaf.certificate);
  const verify = Bun.spawnSync(["openssl", "verify", "-purpose", "sslserver", "-CAfile", "ca.crt", "leaf.crt"], { cwd: folder.path });
  expect(`${verify.stdout}${verify.stderr}`).toBe("leaf.crt: OK\n");
  expect(await leafIsGood(leaf.certificate, authority.certificate, { names })).toBe(true);
});

test("a leaf stays while its names, its authority and its time are right", async () => {
  const authority = await newAuthority();
  const { certificate } = await newLeaf(authority, { names });
  expect(await leafIsGood(certificate, authority.certificate, { names: names.toReversed() })).toBe(true);
  expect(await leafIsGood(certificate, authority.certificate, { names }, days(59))).toBe(true);

  expect(await leafIsGood(certificate, authority.certificate, { names }, days(61))).toBe(false);
  expect(await leafIsGood(certificate, authority.certificate, { names: ["registry"] })).toBe(false);
  expect(await leafIsGood(certificate, (await newAuthority()).certificate, { names })).toBe(false);
  expect(await leafIsGood("not a certificate", authority.certificate, { names })).toBe(false);
});

test("keys do not show themselves", async () => {
  const authority = await newAuthority();
  expect(`${authority.key}${JSON.stringify(authority)}${Bun.inspect(authority)}`).not.toContain("PRIVATE KEY");
});
