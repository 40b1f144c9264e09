import { describe, expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { createHome, davit, type Home } from "#test/cli";
import { FakeAgent } from "#test/fake-agent";

const PROXY = "/api/v1/namespaces/davit/services/http:davit-agent:8080/proxy";

/** An API server that knows the agent's Service and gives tokens for davit-admin; `refuse` answers in its stead. */
class FakeCluster implements Disposable {
  readonly issued: string[] = [];
  lifeMs = 3_600_000;
  refuse: (path: string) => Response | undefined = () => undefined;
  readonly server: Bun.Server<undefined>;

  constructor(agent: FakeAgent, tls: { cert: string; key: string }) {
    this.server = Bun.serve({
      port: 0,
      tls,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        if (request.headers.get("authorization") !== "Bearer kube-user") return status(401, "Unauthorized");
        const refused = this.refuse(pathname);
        if (refused) return refused;
        if (pathname.endsWith("/serviceaccounts/davit-admin/token") && request.method === "POST") return this.#issue(agent);
        if (!pathname.startsWith(`${PROXY}/v1/`)) return status(404, `nothing at ${pathname}`);
        const headers = new Headers(request.headers);
        // As the real one does: the caller's own credential never reaches the Service.
        headers.delete("authorization");
        return await fetch(agent.url + pathname.slice(PROXY.length) + search, { method: request.method, headers, body: request.body });
      },
    });
  }

  #issue(agent: FakeAgent): Response {
    const token = `issued-${this.issued.length}`;
    this.issued.push(token);
    agent.tokens.set(token, { user: "system:serviceaccount:davit:davit-admin", groups: [] });
    return Response.json({ status: { token, expirationTimestamp: new Date(Date.now() + this.lifeMs).toISOString() } }, { status: 201 });
  }

  [Symbol.dispose](): void {
    void this.server.stop(true);
  }
}

function status(code: number, message: string): Response {
  return Response.json({ kind: "Status", apiVersion: "v1", status: "Failure", message, code }, { status: code });
}

async function ready(token = "kube-user") {
  const home = await createHome();
  const agent = new FakeAgent();
  agent.tokens.clear();
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["127.0.0.1"] });
  const cluster = new FakeCluster(agent, { cert: leaf.certificate, key: leaf.key.reveal() });
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "lab",
    contexts: [{ name: "lab", context: { cluster: "lab", user: "me" } }],
    clusters: [{ name: "lab", cluster: { server: cluster.server.url.origin, "certificate-authority-data": btoa(authority.certificate) } }],
    users: [{ name: "me", user: { token } }],
  };
  await Bun.write(join(home.path, "kubeconfig"), JSON.stringify(kubeconfig));
  const run = (...argv: string[]) => davit(home, [...argv, "--kubeconfig", join(home.path, "kubeconfig")]);
  return { home, agent, cluster, run, [Symbol.asyncDispose]: agent.endWith(cluster, home) };
}

async function tokenFile(home: Home): Promise<string> {
  const folder = join(home.env.XDG_CACHE_HOME ?? "", "davit", "tokens");
  return join(folder, (await readdir(folder))[0] ?? "");
}

describe("the way through a kubeconfig", () => {
  test("asks for a token once and keeps it for the next command, readable for its owner only", async () => {
    await using world = await ready();
    expect(JSON.parse((await world.run("whoami", "-o", "json")).out)).toMatchObject({
      user: "system:serviceaccount:davit:davit-admin",
      how: "kubeconfig",
    });
    expect((await world.run("app", "list")).code).toBe(0);
    expect(world.cluster.issued).toEqual(["issued-0"]);
    expect((await stat(await tokenFile(world.home))).mode & 0o777).toBe(0o600);
  });

  test("asks again when the token is about to expire", async () => {
    await using world = await ready();
    world.cluster.lifeMs = 4 * 60_000;
    await world.run("whoami");
    world.cluster.lifeMs = 3_600_000;
    await world.run("whoami");
    await world.run("whoami");
    expect(world.cluster.issued.length).toBe(3);
  });

  test("asks again when the agent rejects the token, once", async () => {
    await using world = await ready();
    await world.run("whoami");
    world.agent.tokens.delete("issued-0");
    expect((await world.run("whoami")).code).toBe(0);
    expect(world.cluster.issued).toEqual(["issued-0", "issued-1"]);
  });

  test("a damaged token file is asked for anew", async () => {
    await using world = await ready();
    await world.run("whoami");
    await Bun.write(await tokenFile(world.home), "{");
    expect((await world.run("whoami")).code).toBe(0);
  });

  test("carries a whole push", async () => {
    await using world = await ready();
    world.agent.cuts.push(100, 0);
    const { code, out } = await world.run("push", "--name", "shop", "-o", "json");
    expect(JSON.parse(out)).toMatchObject({ outcome: "live" });
    expect(code).toBe(0);
    expect((await world.run("app", "show", "nobody")).code).toBe(3);
  });

  test.each([
    ["the namespace is not there", "token", status(404, 'namespaces "davit" not found'), 28],
    ["the Service is not there", "proxy", status(404, 'services "http:davit-agent:8080" not found'), 28],
    ["RBAC forbids the token", "token", status(403, "cannot create serviceaccounts/token"), 24],
    ["RBAC forbids the proxy", "proxy", status(403, "cannot get services/proxy"), 24],
    ["no Pod is ready", "proxy", status(503, "no endpoints available for service"), 20],
    ["the Pod went away", "proxy", new Response("error trying to reach service: dial tcp: connection refused", { status: 502 }), 20],
  ])("%s", async (_, where, answer, exit) => {
    await using world = await ready();
    world.cluster.refuse = (path) => (path.includes(`/${where}`) ? (answer.clone() as Response) : undefined);
    expect((await world.run("whoami")).code).toBe(exit);
  });

  test.each([
    ["users", [{ name: "me", user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "no-such-plugin" } } }]],
    ["clusters", [{ name: "lab", cluster: { server: "http://127.0.0.1:1" } }]],
    ["clusters", []],
    ["current-context", "nowhere"],
  ])("a kubeconfig that cannot be used: %s %j", async (key, value) => {
    await using world = await ready();
    const file = join(world.home.path, "kubeconfig");
    await Bun.write(file, JSON.stringify({ ...(await Bun.file(file).json()), [key]: value }));
    expect((await world.run("whoami")).code).toBe(25);
  });

  test("the cluster does not accept the kubeconfig's credential", async () => {
    await using world = await ready("somebody-else");
    const { code, err } = await world.run("whoami");
    expect(err).toContain("(token_rejected)");
    expect(err).not.toContain("somebody-else");
    expect(code).toBe(23);
  });
});
