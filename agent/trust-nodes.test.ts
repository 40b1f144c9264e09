import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "#test/temporary";
import { ownHostsToml, removeTrust, runTrustNodes, writeTrust } from "./trust-nodes.ts";

const trust = { registry: "registry.davit.svc.cluster.local:5000", address: "10.96.0.7", plainHttp: false };

test("hosts.toml maps the registry's name to its address, with the CA beside it", () => {
  expect(Bun.TOML.parse(ownHostsToml(trust))).toEqual({
    server: "https://registry.davit.svc.cluster.local:5000",
    host: { "https://10.96.0.7:5000": { capabilities: ["pull", "resolve"], ca: "davit-ca.crt" } },
  });
  expect(ownHostsToml({ ...trust, address: "fd00::7", plainHttp: false })).toContain('"https://[fd00::7]:5000"');
});

test("writes once, again after an edit, a new address or a new CA, and leaves no other file", async () => {
  await using folder = await temporaryFolder();
  const own = join(folder.path, trust.registry);
  expect(await writeTrust(folder.path, trust, "CA 1")).toBe("written");
  expect(await writeTrust(folder.path, trust, "CA 1")).toBe("unchanged");
  expect(await writeTrust(folder.path, trust, "CA 2")).toBe("written");
  expect(await readFile(join(own, "davit-ca.crt"), "utf8")).toBe("CA 2");
  expect(await writeTrust(folder.path, { ...trust, address: "10.96.0.8", plainHttp: false }, "CA 2")).toBe("written");
  await writeFile(join(own, "hosts.toml"), `${ownHostsToml(trust)}skip_verify = true\n`);
  expect(await writeTrust(folder.path, trust, "CA 2")).toBe("written");
  expect(await readFile(join(own, "hosts.toml"), "utf8")).toBe(ownHostsToml(trust));
  expect((await readdir(own)).sort()).toEqual(["davit-ca.crt", "hosts.toml"]);
});

test("somebody else's hosts.toml is neither written nor removed", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, trust.registry, "hosts.toml");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "# mine\n");
  expect(await writeTrust(folder.path, trust, "CA")).toBe("foreign");
  expect(await removeTrust(folder.path, trust.registry)).toBe(false);
  expect(await readFile(file, "utf8")).toBe("# mine\n");
});

test("somebody else's CA beside it stays, and so does the folder", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, trust.registry, "ca.crt");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "mine");
  expect(await writeTrust(folder.path, trust, "CA")).toBe("written");
  expect(await removeTrust(folder.path, trust.registry)).toBe(true);
  expect(await readdir(join(file, ".."))).toEqual(["ca.crt"]);
  expect(await readFile(file, "utf8")).toBe("mine");
});

test("what an older davit wrote goes", async () => {
  await using folder = await temporaryFolder();
  const own = join(folder.path, trust.registry);
  await mkdir(own);
  await writeFile(join(own, "ca.crt"), "CA");
  await writeFile(join(own, "hosts.toml"), ownHostsToml(trust).replace("davit-ca.crt", "ca.crt"));
  expect(await writeTrust(folder.path, trust, "CA")).toBe("written");
  expect((await readdir(own)).sort()).toEqual(["davit-ca.crt", "hosts.toml"]);
});

test("removing leaves certs.d as it was", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "docker.io"));
  await writeTrust(folder.path, trust, "CA");
  expect(await removeTrust(folder.path, trust.registry)).toBe(true);
  expect(await readdir(folder.path)).toEqual(["docker.io"]);
  expect(await removeTrust(folder.path, trust.registry)).toBe(false);
});

test("the command writes, ends without a change, and clears with --remove", async () => {
  await using folder = await temporaryFolder();
  const ca = join(folder.path, "ca.crt");
  const certs = join(folder.path, "certs.d");
  await writeFile(ca, "CA");
  const env = {
    DAVIT_REGISTRY: trust.registry,
    DAVIT_REGISTRY_ADDRESS: trust.address,
    DAVIT_CERTS_DIRS: certs,
    DAVIT_TRUST_CA: ca,
    DAVIT_HEALTH_PORT: "0",
  };
  const ended = { signal: AbortSignal.abort(), log: () => {} };
  await runTrustNodes(env, [], ended);
  expect((await readdir(join(certs, trust.registry))).sort()).toEqual(["davit-ca.crt", "hosts.toml"]);
  await runTrustNodes(env, ["--remove"], ended);
  expect(await readdir(certs)).toEqual([]);
});

test("nodes know the registry from before a migration as long as it is named, and then it is forgotten, but nobody else's", async () => {
  await using folder = await temporaryFolder();
  const certs = join(folder.path, "certs.d");
  await mkdir(join(certs, "docker.io"), { recursive: true });
  await writeFile(join(certs, "docker.io", "hosts.toml"), "# mine\n");
  await writeFile(join(folder.path, "a.crt"), "CA of a");
  await writeFile(join(folder.path, "b.crt"), "");
  const env = {
    DAVIT_REGISTRY: "a.test:5000",
    DAVIT_REGISTRY_ADDRESS: "a.test",
    DAVIT_CERTS_DIRS: certs,
    DAVIT_TRUST_CA: join(folder.path, "a.crt"),
    DAVIT_HEALTH_PORT: "0",
  };
  const former = { DAVIT_FORMER_REGISTRY: trust.registry, DAVIT_FORMER_ADDRESS: trust.address, DAVIT_FORMER_CA: env.DAVIT_TRUST_CA };
  const ended = { signal: AbortSignal.abort(), log: () => {} };
  await runTrustNodes({ ...env, ...former }, [], ended);
  expect((await readdir(certs)).sort()).toEqual(["a.test:5000", "docker.io", trust.registry]);
  await runTrustNodes(env, [], ended);
  expect((await readdir(certs)).sort()).toEqual(["a.test:5000", "docker.io"]);
  // Of a public CA, nobody has to be told.
  await runTrustNodes({ ...env, DAVIT_REGISTRY: "b.test", DAVIT_TRUST_CA: join(folder.path, "b.crt") }, [], ended);
  expect(await readdir(certs)).toEqual(["docker.io"]);
});
