import { AppDetails } from "#shared/app";
import type { KubeObject, V1Pod } from "#shared/kube/objects";
import type { PushResult } from "#shared/push-event";
import { type Commands, commandsIn } from "#test/commands";
import { repository } from "#test/git-repository";
import { GIT_PASSWORD, GIT_USER, type GitServer, gitServer } from "#test/git-server";
import { DOCKERFILE, davit, type Folder, folder, kube, type TestTenant, tenant } from "#test/lab";
import { type Member, member } from "#test/member";
import { clusterOf } from "../../scripts/cluster/register.ts";

const SERVER = `Bun.serve({ port: process.env.PORT, fetch(request) {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/seen") console.log("asked for it");
  if (pathname === "/env") return new Response(process.env[searchParams.get("name")] ?? "(none)");
  return pathname.startsWith("/configurations/") ? new Response(Bun.file(pathname)) : new Response("up");
} });
process.on("SIGTERM", () => process.exit(0));
`;
const DOCKERFILE_WITH_RUN = DOCKERFILE.replace("WORKDIR", "RUN echo built with care | tee /built\nWORKDIR");

/** An app that tells its variables at /env?name=NAME and its configurations' files, and logs who asks for /seen. */
export const TELLING_APP = { Dockerfile: DOCKERFILE_WITH_RUN, "server.ts": SERVER };

/** One namespace and the few apps that prove what docs/epinio.md says. */
export class EpinioWorld implements AsyncDisposable {
  readonly #things = new AsyncDisposableStack();
  readonly space: TestTenant;
  readonly source: Folder;
  readonly cli: Commands;
  /** `main` has everything, `plain` nothing, `mend` is broken twice and then mended, `ready` is an image, `git` a repository. */
  readonly names: Record<"main" | "plain" | "mend" | "ready" | "git", string>;
  /** Somebody with the role of a developer, logged in. */
  dev!: Member;
  /** What became of the three pushes of `mend`, which run beside everything else. */
  mending!: Promise<PushResult[]>;
  /** Where `main` answers. */
  url = "";
  git!: GitServer;
  /** A repository of the git server, and its one commit, which has the tag v1. */
  readonly repository = "telling.git";
  commit = "";

  private constructor(space: TestTenant) {
    this.space = this.#things.use(space);
    this.source = this.#things.use(folder(TELLING_APP));
    this.cli = commandsIn(space.name);
    this.names = { main: space.app("main"), plain: space.app("plain"), mend: space.app("mend"), ready: space.app("ready"), git: space.app("git") };
  }

  static async start(): Promise<EpinioWorld> {
    const world = new EpinioWorld(await tenant("epinio"));
    world.dev = world.#things.use(await member(world.space.name, "davit-developer"));
    world.mending = world.#pushBrokenThenMended();
    await world.cli.must("configuration", "create", "settings", "LEVEL=v=w", "USER=ann");
    await world.#startGit();
    const settings = ["--instances", "2", "--bind", "settings", "--env", "CREDO=up", "--env", "COMPLEX=-X foo=bar"];
    const { main, plain } = world.names;
    const [first] = await Promise.all([world.push(main, world.source, ...settings), world.push(plain, world.source)]);
    world.url = first.url ?? "";
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mending;
    await this.#things.disposeAsync();
  }

  /** Pushes a folder, however that ends. */
  async push(name: string, app: Folder, ...args: string[]): Promise<PushResult> {
    return JSON.parse((await this.cli.run("push", "--name", name, "--path", app.path, ...args, "-o", "json")).stdout);
  }

  async show(name: string): Promise<AppDetails> {
    return AppDetails.parse(await this.cli.json("app", "show", name));
  }

  /** What `main` answers. */
  async ask(path: string): Promise<string> {
    return await (await fetch(this.url + path)).text();
  }

  /** An object in the namespace, as Kubernetes has it. */
  async object<T extends KubeObject>(apiVersion: string, kind: string, name: string): Promise<T | undefined> {
    return await (await kube()).get<T>({ apiVersion, kind, namespace: this.space.name, name });
  }

  /** Which Pods an app has. */
  async pods(name: string): Promise<string[]> {
    const ref = { apiVersion: "v1", kind: "Pod", namespace: this.space.name };
    const pods = await (await kube()).list<V1Pod>(ref, { labels: `davit.dev/app=${name}` });
    return pods.flatMap(({ metadata }) => (metadata?.deletionTimestamp ? [] : (metadata?.uid ?? ""))).sort();
  }

  /** The credentials bring the server's CA; the password of one is wrong. */
  async #startGit(): Promise<void> {
    const files = this.#things.use(folder());
    this.git = this.#things.use(await gitServer({ root: files.path, hostname: clusterOf(process.env).net.host }));
    const telling = await repository(files.path, this.repository);
    this.commit = await telling.commit(TELLING_APP);
    await telling.git("tag", "v1", this.commit);
    files.write({ "ca.crt": this.git.ca });
    for (const [name, stdin] of [
      ["right", GIT_PASSWORD],
      ["wrong", "not it"],
    ] as const) {
      const flags = ["--host", this.git.host, "--username", GIT_USER, "--password-stdin", "--ca-file", "ca.crt", "-n", this.space.name];
      const made = await davit(["git-credential", "create", name, ...flags], { cwd: files.path, stdin });
      if (made.code !== 0) throw new Error(made.stderr);
    }
  }

  async #pushBrokenThenMended(): Promise<PushResult[]> {
    using app = folder({ ...TELLING_APP, Dockerfile: "FROM oven/bun:1\nRUN exit 3\n" });
    const results = [await this.push(this.names.mend, app)];
    app.write({ Dockerfile: 'FROM oven/bun:1\nCMD ["bun", "-e", "process.exit(3)"]\n' });
    results.push(await this.push(this.names.mend, app));
    app.write(TELLING_APP);
    return [...results, await this.push(this.names.mend, app)];
  }
}
