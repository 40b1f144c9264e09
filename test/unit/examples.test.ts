import { expect, test } from "bun:test";
import { setTimeout } from "node:timers/promises";
import { loginsFile, saveLogins } from "#cli/agent-client/logins";
import { buildCli, COMMAND_PATHS, commandPath } from "#cli/cli";
import { shellWords } from "#cli/completion/shell-words";
import type { Context } from "#cli/context";
import { davit, loggedIn } from "#test/cli";
import { TOKEN } from "#test/fake-agent";

/* What `davit help COMMAND` shows as examples is typed by people as it stands. So is it here. */

/** Commands of which the examples need more than an agent: a cluster, a registry, a browser, a compiled davit. */
const MORE_THAN_AN_AGENT = ["app exec", "app open", "app port-forward", "install", "uninstall", "status", "image save", "image push"];
/** Examples that need a certain server or kubeconfig. */
const ELSEWHERE = /^davit (login https:|whoami --context )/;

const definitions = (await buildCli()).definitions();
const examples = definitions.flatMap(({ examples = [] }) => examples.map(([, line]) => line));

/** The command line of davit in what a shell would be given: without what it is piped into, or reads from. */
function davitWords(line: string): string[] {
  const [own = ""] = /\bdavit [^|<>)]*/.exec(line) ?? [];
  return shellWords(own.trim()).slice(1);
}

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

test.each([...COMMAND_PATHS])("davit %s has an example of itself", (path) => {
  const [definition] = definitions.filter((each) => each.path === `davit ${path}`);
  const lines = definition?.examples?.map(([, line]) => line) ?? [];
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => commandPath(davitWords(line)) !== path)).toEqual([]);
});

test.each(examples)("`%s` is understood", async (line) => {
  const cli = await buildCli();
  expect(() => cli.process(davitWords(line), {} as Context)).not.toThrow();
});

const runnable = examples.filter((line) => !ELSEWHERE.test(line) && !MORE_THAN_AN_AGENT.includes(commandPath(davitWords(line)) ?? ""));

test.each(runnable)("`%s` works", async (line) => {
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
