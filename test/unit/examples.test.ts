import { expect, test } from "bun:test";
import { setTimeout } from "node:timers/promises";
import { loginsFile, saveLogins } from "#cli/agent-client/logins";
import { buildCli, COMMAND_PATHS } from "#cli/cli";
import type { Context } from "#cli/context";
import { davit, loggedIn } from "#test/cli";
import { davitWords, exampleOf, examples, examplesAt } from "#test/examples";
import { TOKEN } from "#test/fake-agent";

/* The examples that need no more than an agent; test/support/examples.ts says where the others are run. */

/** A person with apps, a configuration and the files that examples name, in the folder of an app. */
async function person(line: string) {
  const { home, agent, ...rest } = await loggedIn({
    Dockerfile: "FROM scratch\n",
    "shop/Dockerfile": "FROM scratch\n",
    "deploy/davit.yml": "name: shop\nsource: { path: .. }\n",
    ".env.production": "LOG=info\n",
    "server.crt": "certificate",
    "ca.crt": "-----BEGIN CERTIFICATE-----",
    "server.key": "key",
  });
  const login = { token: TOKEN };
  saveLogins(loginsFile(home.env), { current: agent.url, servers: { [agent.url]: login, "https://davit.example.com": login } });
  agent.namespaces.set("team-a", "2026-01-01T00:00:00Z");
  await davit(home, ["push", "--name", "shop", "--env", "DEBUG=1"]);
  const pushes = agent.app("shop")?.pushes ?? [];
  // A dozen revisions are enough for every number in the examples.
  while (pushes[0] && pushes.length < 13) pushes.push(pushes[0]);
  agent.apps.push({ namespace: "apps", name: "blog", pushes: pushes.slice(0, 1) });
  agent.garbage.push({ what: "revision", ref: "apps/shop-3", action: "keep", why: "it is one of the last 10", bytes: null });
  for (const name of ["mail", "database"]) if (!line.includes(" create ")) agent.configurations.set(`apps/${name}`, { HOST: "" });
  if (!line.includes(" create ")) agent.gitCredentials.set("github", { host: "github.com", username: "git", password: "value" });
  return { home, ...rest };
}

test.each([...COMMAND_PATHS])("davit %s has an example, of itself", async (path) => {
  const [definition] = (await buildCli([path])).definitions();
  const lines = definition?.examples?.map(([, line]) => line) ?? [];
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => exampleOf(line) !== path)).toEqual([]);
});

test.each(examples)("`%s` is understood", async (line) => {
  const cli = await buildCli();
  expect(() => cli.process(davitWords(line), {} as Context)).not.toThrow();
});

test.each(examplesAt("agent"))("`%s` works", async (line) => {
  await using world = await person(line);
  const stop = new AbortController();
  // Who follows ends it when there was something to see.
  const onOut = () => (/ (-f|--follow)\b/.test(line) ? stop.abort() : undefined);
  const pause = (ms: number, signal: AbortSignal) => setTimeout(ms, undefined, { signal });
  const { code, err } = await davit(world.home, davitWords(line), {
    stdin: "value\n",
    isTTY: true,
    answers: ["y"],
    signal: stop.signal,
    onOut,
    pause,
  });
  expect([code, err]).toEqual([stop.signal.aborted ? 130 : 0, expect.not.stringContaining("davit:")]);
});
