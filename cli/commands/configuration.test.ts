import { expect, test } from "bun:test";
import { join } from "node:path";
import type { PushRequest } from "#shared/app";
import { davit, loggedIn } from "#test/cli";

const SECRET = "hunter2-and-more";

async function ready() {
  const world = await loggedIn({ Dockerfile: "FROM scratch\n" });
  const run = (argv: string[], options?: Parameters<typeof davit>[2]) => davit(world.home, ["configuration", ...argv], options);
  const push = async (name: string) => await davit(world.home, ["push", "--name", name]);
  const values = (name: string) =>
    Object.fromEntries(Object.entries(world.agent.configurations.get(`apps/${name}`) ?? {}).map(([key, value]) => [key, atob(value)]));
  /** What was asked for of an app, one request a revision. */
  const asked = (name: string) => world.agent.app(name)?.pushes.map(({ request: { id: _, source: __, ...rest } }) => rest);
  return { ...world, run, push, values, asked };
}

test("create takes values from arguments, files, an env file and stdin, as they are", async () => {
  await using world = await ready();
  const binary = new Uint8Array([0, 255, 254, 10]);
  await Bun.write(join(world.home.source, "key.bin"), binary);
  await Bun.write(join(world.home.source, "all.env"), "HOST=from the file\nPORT=25 # comment\n");
  const argv = ["create", "mail", "HOST=a=b, c", "EMPTY=", "--from-file", "key.p12=key.bin", "--env-file", "all.env", "--stdin", "PASSWORD"];
  const { out, code } = await world.run(argv, { stdin: `${SECRET}\n` });
  expect([out, code]).toEqual(["configuration mail made with EMPTY, HOST, PASSWORD, PORT, key.p12\n", 0]);
  const { "key.p12": file, ...texts } = world.values("mail");
  expect(texts).toEqual({ HOST: "a=b, c", EMPTY: "", PORT: "25", PASSWORD: SECRET });
  expect(Buffer.from(file ?? "", "latin1")).toEqual(Buffer.from(binary));
  expect((await world.run(["create", "empty"])).out).toBe("configuration empty made, without values\n");
  expect((await world.run(["create", "mail", "A=1"])).err).toContain("(configuration_exists)");
});

test.each([
  [["create"], "NAME"],
  [["create", "Mail"], "the configuration name 'Mail' has to be lower-case"],
  [["create", "mail", "HOST=a", SECRET], "a value is given as K=V; number 2 has no '='"],
  [["create", `PASSWORD=${SECRET}`], "the configuration name 'PASSWORD=…' has to be lower-case"],
  [["create", "mail", `${SECRET}+==`], "a value is given as K=V; the key of number 1 has to be letters"],
  [["create", "mail", `..=${SECRET}`], "the key of number 1 has to be"],
  [["create", "mail", "--from-file", SECRET], "a value is given as --from-file K=FILE; number 1 has no '='"],
  [["create", "mail", "--from-file", "K=missing.txt"], "--from-file: missing.txt cannot be read (ENOENT)"],
  [["create", "mail", "--from-file", "K=."], "--from-file: . cannot be read (EISDIR)"],
  [["create", "mail", "--env-file", "missing.env"], "--env-file missing.env cannot be read"],
  [["create", "mail", "--stdin", `${SECRET}!`], "the key of --stdin has to be letters"],
  [["create", "mail", `K=${SECRET}`, "--from-file", "K=Dockerfile"], "K is named twice"],
  [["update", "mail", `K=${SECRET}`, "--unset", "K"], "K is named twice"],
  [["update", "mail"], "there is nothing to change"],
  [["update", "mail", "--unset", "a/b"], "the key of --unset has to be letters"],
  [["update", "mail", SECRET], "a value is given as K=V; number 1 has no '='"],
  [["delete", "mail", "No"], "the configuration name 'No'"],
  [["bind", "Mail", "shop"], "the configuration name 'Mail'"],
  [["bind", "mail", "Shop"], "the app name 'Shop'"],
])("%j is a usage fault that says what is wrong, and no value", async (argv, words) => {
  await using world = await ready();
  const { out, err, code } = await world.run(argv);
  expect(err).toContain(words);
  expect(out + err).not.toContain(SECRET);
  expect(code).toBe(2);
  expect(world.agent.requests.filter((request) => !request.startsWith("GET"))).toEqual([]);
});

test("a file that no configuration can hold is not read", async () => {
  await using world = await ready();
  await Bun.write(join(world.home.source, "large"), new Uint8Array(1024 * 1024 + 1));
  const { err, code } = await world.run(["create", "mail", "--from-file", "K=large"]);
  expect([err, code]).toEqual([expect.stringContaining("large has 1048577 bytes; a configuration holds at most 1048576"), 2]);
});

test("show hides values until it is asked for them, and list shows names only", async () => {
  await using world = await ready();
  await Bun.write(join(world.home.source, "key.bin"), new Uint8Array([255, 0]));
  await world.run(["create", "mail", `PASSWORD=${SECRET}`, "TEXT=one\ntwo", "--from-file", "key=key.bin"]);
  const hidden = [await world.run(["show", "mail"]), await world.run(["show", "mail", "-o", "json"]), await world.run(["list"])];
  for (const { out, err } of hidden) expect(out + err).not.toContain(SECRET);
  expect(JSON.parse(hidden[1]?.out ?? "")).toMatchObject({ name: "mail", keys: ["PASSWORD", "TEXT", "key"], apps: [] });
  expect(hidden[2]?.out).toMatch(/^NAME {2}VALUES {2}APPS {2}AGE\nmail {7}3 {2}- /);

  const shown = await world.run(["show", "mail", "--reveal"]);
  expect(shown.out).toContain(`\nPASSWORD  ${SECRET}\nTEXT      one\n          two\nkey       (2 B that are not text)\n`);
  const json = JSON.parse((await world.run(["show", "mail", "--reveal", "-o", "json"])).out);
  expect(json.values).toEqual({ PASSWORD: SECRET, TEXT: "one\ntwo", key: { base64: "/wA=" } });
  expect((await world.run(["show", "nobody"])).code).toBe(3);
  world.agent.configurations.clear();
  expect((await world.run(["list"])).err).toContain("`davit configuration create NAME K=V` makes one");
});

test("bind and unbind change the app once, and nothing when it is so already", async () => {
  await using world = await ready();
  await world.push("shop");
  for (const name of ["mail", "db"]) await world.run(["create", name, "A=1"]);
  const bound = await world.run(["bind", "mail", "shop"]);
  expect([bound.code, bound.out]).toEqual([0, expect.stringContaining("live  https://shop.apps.test  (revision 2")]);
  expect(bound.err).toContain("giving mail to shop in namespace apps");
  await world.run(["bind", "db", "shop"]);
  expect((await world.run(["bind", "mail", "shop"])).out).toStartWith("unchanged");
  expect(JSON.parse((await world.run(["list", "-o", "json"])).out)).toMatchObject([{ apps: ["shop"] }, { apps: ["shop"] }]);
  await world.run(["unbind", "mail", "shop"]);
  expect((await world.run(["unbind", "mail", "shop"])).out).toStartWith("unchanged");
  expect(world.asked("shop")).toEqual([{}, { bind: ["mail"] }, { bind: ["db"] }, { unbind: ["mail"] }]);
});

test("update restarts each app that has it once, and none when nothing changes or it is told not to", async () => {
  await using world = await ready();
  await world.run(["create", "mail", "HOST=one", "USER=ann"]);
  for (const app of ["cart", "shop", "other"]) await world.push(app);
  for (const app of ["cart", "shop"]) await world.run(["bind", "mail", app]);

  const changed = await world.run(["update", "mail", "HOST=two", "--unset", "USER"]);
  expect([changed.code, changed.out.split("\n")[0]]).toEqual([0, "configuration mail changed"]);
  expect(changed.err).toMatch(/restarting cart in namespace apps[\s\S]*restarting shop in namespace apps/);
  expect(world.values("mail")).toEqual({ HOST: "two" });
  const restarted: PushRequest[] = [{}, { bind: ["mail"] }, { restart: true }];
  const after = { cart: restarted, shop: restarted, other: [{}] };
  for (const [app, requests] of Object.entries(after)) expect(world.asked(app)).toEqual(requests);

  const same = await world.run(["update", "mail", "HOST=two", "--unset", "USER"]);
  expect([same.code, same.out, same.err]).toEqual([0, "configuration mail is unchanged\n", ""]);
  const later = await world.run(["update", "mail", "HOST=three", "--no-restart"]);
  expect([later.code, later.out, later.err]).toEqual([0, "configuration mail changed\n", "`davit app restart` gives the new values to cart, shop\n"]);
  for (const [app, requests] of Object.entries(after)) expect(world.asked(app)).toEqual(requests);
  const json = await world.run(["update", "mail", "HOST=four", "-o", "json"]);
  expect(JSON.parse(json.out)).toMatchObject({
    changed: true,
    configuration: { name: "mail", apps: ["cart", "shop"] },
    restarted: [
      { app: "cart", outcome: "live", revision: 4 },
      { app: "shop", outcome: "live", revision: 4 },
    ],
  });
});

test("an app that is stopped gets the new values when it is started", async () => {
  await using world = await ready();
  await world.run(["create", "mail", "HOST=one"]);
  for (const app of ["cart", "shop"]) await world.push(app);
  for (const app of ["cart", "shop"]) await world.run(["bind", "mail", app]);
  await davit(world.home, ["app", "stop", "cart"]);
  expect((await world.run(["update", "mail", "HOST=two"])).code).toBe(0);
  expect(world.asked("cart")?.at(-1)).toEqual({ stopped: true });
  expect(world.asked("shop")?.at(-1)).toEqual({ restart: true });
});

test("an app that does not start with the new values is told of, and the others are restarted all the same", async () => {
  await using world = await ready();
  await world.run(["create", "mail", "HOST=one"]);
  for (const app of ["cart", "shop"]) await world.push(app);
  for (const app of ["cart", "shop"]) await world.run(["bind", "mail", app]);
  world.agent.ending = { outcome: "failed", fault: { code: "app_crashed", message: "the app ended by itself with exit code 3" } };
  const { code, err } = await world.run(["update", "mail", "HOST=two"]);
  expect(code).toBe(61);
  expect(err.match(/\(app_crashed\)/g)).toHaveLength(2);
  for (const app of ["cart", "shop"]) expect(world.asked(app)?.at(-1)).toEqual({ restart: true });
  const json = await world.run(["update", "mail", "HOST=three", "-o", "json"]);
  expect(JSON.parse(json.out)).toMatchObject({
    changed: true,
    fault: { code: "app_crashed" },
    restarted: [{ outcome: "failed" }, { outcome: "failed" }],
  });
});

test("delete refuses what is bound, deletes all or nothing, and asks a person", async () => {
  await using world = await ready();
  await world.push("shop");
  for (const name of ["a", "b", "c"]) await world.run(["create", name]);
  await world.run(["bind", "b", "shop"]);
  const refused = await world.run(["delete", "a", "b", "--yes"]);
  expect([refused.code, refused.err]).toEqual([3, expect.stringContaining("the configuration 'b' is bound to 'shop'")]);
  expect([...world.agent.configurations.keys()]).toEqual(["apps/a", "apps/b", "apps/c"]);
  expect((await world.run(["delete", "a", "nobody", "--yes"])).code).toBe(3);
  expect((await world.run(["delete", "a"])).code).toBe(4);
  const no = await world.run(["delete", "a", "b", "--unbind"], { isTTY: true, answers: ["n"] });
  expect([no.asked, no.code]).toEqual([["Delete the configurations 'a', 'b' from namespace 'apps', and restart shop without? [y/N]"], 0]);
  expect([...world.agent.configurations.keys()]).toEqual(["apps/a", "apps/b", "apps/c"]);

  expect((await world.run(["delete", "a", "b", "--unbind", "--yes"])).out).toMatch(/live {2}https:\/\/shop.*\na deleted\nb deleted\n$/);
  expect([...world.agent.configurations.keys()]).toEqual(["apps/c"]);
  expect(world.asked("shop")?.at(-1)).toEqual({ unbind: ["a", "b"] });
  expect(JSON.parse((await world.run(["delete", "c", "--yes", "-o", "json"])).out)).toEqual({ namespace: "apps", deleted: ["c"], unbound: [] });
});

test("an app that cannot be restarted without it keeps its configuration", async () => {
  await using world = await ready();
  await world.push("shop");
  await world.run(["create", "mail"]);
  await world.run(["bind", "mail", "shop"]);
  world.agent.ending = { outcome: "failed", fault: { code: "app_crashed", message: "the app ended by itself with exit code 3" } };
  const { code, out, err } = await world.run(["delete", "mail", "--unbind", "--yes", "-o", "json"]);
  expect([code, err]).toEqual([61, expect.stringContaining("no configuration was deleted")]);
  expect(JSON.parse(out)).toMatchObject({ deleted: [], unbound: [{ app: "shop", outcome: "failed" }], fault: { code: "app_crashed" } });
  expect([...world.agent.configurations.keys()]).toEqual(["apps/mail"]);
});
