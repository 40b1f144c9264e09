import { api, type DavitHandlers, type LogLine } from "#shared/api";
import type { AppDetails, PushRequest } from "#shared/app";
import { Fault, toFault } from "#shared/fault";
import { checkPack } from "#shared/pack";
import type { NewPushEvent, PushEvent, PushResult } from "#shared/push-event";
import { serve } from "#shared/rpc";
import { applyDiff, chunksOf, type TreeEntry, treeId } from "#shared/tree";
import { VERSION } from "#shared/version";

interface Caller {
  user: string;
  groups: string[];
}

interface FakePush {
  request: PushRequest;
  events: PushEvent[];
}

interface FakeApp {
  namespace: string;
  name: string;
  pushes: FakePush[];
}

export const TOKEN = "good-token";

/** A push that goes well: what the agent tells, before the events are numbered. */
export const STORY: NewPushEvent[] = [
  { type: "phase-started", phase: "hydrate" },
  { type: "phase-ended", phase: "hydrate", ms: 20 },
  { type: "phase-started", phase: "stage" },
  { type: "log", phase: "stage", line: "STEP 1: FROM scratch" },
  { type: "log", phase: "stage", line: "\x1b[31mred\x1b[0m words" },
  { type: "phase-ended", phase: "stage", ms: 1200, note: "built" },
  { type: "phase-started", phase: "deploy" },
  { type: "progress", phase: "deploy", done: 1, total: 1, unit: "pods" },
  { type: "phase-ended", phase: "deploy", ms: 800 },
  { type: "phase-started", phase: "live" },
  { type: "phase-ended", phase: "live", ms: 30 },
];

/** An agent in memory behind the contract's own server code and a real socket. Its members are a test's to change. */
export class FakeAgent implements Disposable {
  readonly tokens = new Map<string, Caller>([[TOKEN, { user: "ann", groups: ["developers"] }]]);
  readonly namespaces = new Map<string, string>([["apps", "2026-01-01T00:00:00Z"]]);
  readonly apps: FakeApp[] = [];
  readonly trees = new Map<string, TreeEntry[]>();
  readonly chunks = new Set<string>();
  /** `METHOD path` of every request. */
  readonly requests: string[] = [];
  /** Bytes after which each next event stream is cut off; none when empty. */
  readonly cuts: number[] = [];
  /** Answers, one each, before the real ones. */
  readonly faults: Fault[] = [];
  story: NewPushEvent[] = STORY;
  ending: Partial<PushResult> = {};
  logLines: LogLine[] = [{ instance: "abc12", line: "listening" }];
  /** A push's events stop after the story until this resolves. */
  hold: Promise<void> = Promise.resolve();
  /** Called when a revision is made. */
  onRevision: () => void = () => {};
  readonly server: Bun.Server<undefined>;

  constructor(options: { tls?: { key: string; cert: string }; port?: number } = {}) {
    const answer = serve(api, this.#handlers(), {
      authenticate: (request) => this.#authenticate(request),
      toFault,
      onBug: (error) => console.error(error),
    });
    this.server = Bun.serve({
      port: options.port ?? 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      ...(options.tls ? { tls: options.tls } : {}),
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        this.requests.push(`${request.method} ${pathname}${search}`);
        const response = await answer(request);
        const cut = pathname.endsWith("/events") ? this.cuts.shift() : undefined;
        return cut === undefined || !response.body ? response : new Response(cutAfter(response.body, cut), response);
      },
    });
  }

  get url(): string {
    return this.server.url.origin;
  }

  [Symbol.dispose](): void {
    void this.server.stop(true);
  }

  /** A scope's end for the agent, and for what else belongs to its test. */
  endWith(...others: (Disposable | AsyncDisposable)[]): () => Promise<void> {
    return async () => {
      for (const other of [this, ...others]) await (Symbol.asyncDispose in other ? other[Symbol.asyncDispose]() : other[Symbol.dispose]());
    };
  }

  app(name: string, namespace = "apps"): FakeApp | undefined {
    return this.apps.find((app) => app.name === name && app.namespace === namespace);
  }

  async #authenticate(request: Request): Promise<Caller> {
    const token = request.headers.get("x-davit-token") ?? request.headers.get("authorization")?.replace(/^Bearer /, "");
    const caller = token ? this.tokens.get(token) : undefined;
    if (!caller) throw new Fault("token_rejected", "the token is not accepted");
    const fault = this.faults.shift();
    if (fault) throw fault;
    return caller;
  }

  #need(namespace: string, name: string): FakeApp {
    const app = this.app(name, namespace);
    if (!app) throw new Fault("app_not_found", `there is no app '${name}' in namespace '${namespace}'`, { details: { app: name, namespace } });
    return app;
  }

  #checkNamespace(namespace: string): void {
    if (!this.namespaces.has(namespace)) throw new Fault("namespace_not_found", `there is no namespace '${namespace}'`, { details: { namespace } });
  }

  #handlers(): DavitHandlers<Caller> {
    return { ...this.#tenantHandlers(), ...this.#pushHandlers(), ...this.#appHandlers() };
  }

  #tenantHandlers(): Pick<DavitHandlers<Caller>, "info" | "whoami" | "listNamespaces" | "createNamespace" | "deleteNamespace"> {
    return {
      info: async () => ({ version: VERSION, protocol: 1, domain: "apps.test" }),
      whoami: async (_, caller) => caller,
      listNamespaces: async () =>
        [...this.namespaces].map(([name, createdAt]) => ({ name, createdAt, apps: this.apps.filter((app) => app.namespace === name).length })),
      createNamespace: async ({ namespace }) => {
        const created = !this.namespaces.has(namespace);
        if (created) this.namespaces.set(namespace, "2026-01-01T00:00:00Z");
        return { created };
      },
      deleteNamespace: async ({ namespace }) => {
        this.#checkNamespace(namespace);
        this.namespaces.delete(namespace);
        return { apps: this.apps.filter((app) => app.namespace === namespace).length };
      },
    };
  }

  #pushHandlers(): Pick<DavitHandlers<Caller>, "negotiate" | "putPack" | "planPush" | "createRevision" | "pushEvents"> {
    return {
      negotiate: async ({ namespace, body }) => {
        this.#checkNamespace(namespace);
        const base = body.base === undefined ? [] : this.trees.get(body.base);
        if (!base) throw new Fault("tree_base_unknown", "the agent does not hold that tree");
        const entries = applyDiff(base, body.removed ?? [], body.entries);
        if (treeId(entries) !== body.tree) throw new Fault("tree_invalid", "the tree has another id");
        this.trees.set(body.tree, entries);
        return { missing: [...chunksOf(entries).keys()].filter((chunk) => !this.chunks.has(chunk)) };
      },
      putPack: async ({ body }) => {
        const pack = await body();
        for (const { digest } of checkPack(pack)) this.chunks.add(digest);
        return {};
      },
      planPush: async ({ namespace, app, body }) => {
        this.#checkNamespace(namespace);
        const isNew = !this.app(app, namespace);
        const routes = body.routes ?? [`${app}.apps.test`];
        return {
          app,
          namespace,
          isNew,
          routes,
          instances: body.instances ?? 1,
          port: body.port ?? 8080,
          willBuild: true,
          changes: Object.keys(body.env ?? {}).map((name) => `env ${name}: added`),
        };
      },
      createRevision: async ({ namespace, app, body }) => this.#createRevision(namespace, app, body),
      pushEvents: (input) => this.#pushEvents(input),
    };
  }

  #appHandlers(): Pick<DavitHandlers<Caller>, "listApps" | "listAllApps" | "showApp" | "deleteApp" | "appLogs"> {
    return {
      listApps: async ({ namespace }) => {
        this.#checkNamespace(namespace);
        return this.apps.filter((app) => app.namespace === namespace).map(details);
      },
      listAllApps: async () => this.apps.map(details),
      showApp: async ({ namespace, app }) => details(this.#need(namespace, app)),
      deleteApp: async ({ namespace, app }) => {
        this.apps.splice(this.apps.indexOf(this.#need(namespace, app)), 1);
        return {};
      },
      appLogs: (input) => this.#appLogs(input),
    };
  }

  #createRevision(namespace: string, name: string, request: PushRequest) {
    const tree = this.trees.get(request.source.tree);
    if (!tree || [...chunksOf(tree).keys()].some((chunk) => !this.chunks.has(chunk))) throw new Fault("chunks_missing", "chunks are missing");
    let app = this.app(name, namespace);
    if (!app) {
      app = { namespace, name, pushes: [] };
      this.apps.push(app);
    }
    const last = app.pushes.at(-1);
    if (last && !request.rebuild && last.request.source.tree === request.source.tree && !request.env) {
      return {
        outcome: "unchanged" as const,
        result: { ...this.#result(app, request), outcome: "unchanged" as const, revision: app.pushes.length, phases: {} },
      };
    }
    const revision = app.pushes.length + 1;
    const told: NewPushEvent[] = [...this.story, { type: "done", result: { ...this.#result(app, request), revision } }];
    app.pushes.push({ request, events: told.map((event, index) => ({ ...event, seq: index + 1, at: Date.now() }) as PushEvent) });
    this.onRevision();
    return { outcome: "accepted" as const, revision };
  }

  #result(app: FakeApp, request: PushRequest): PushResult {
    return {
      outcome: "live",
      app: app.name,
      namespace: app.namespace,
      revision: null,
      url: `http://${app.name}.apps.test`,
      image: "registry/apps/shop@sha256:00",
      source: `tree:${request.source.tree}`,
      reused: { chunks: 0, bytes: 0, build: true },
      sent: { chunks: 0, bytes: 0 },
      phases: { hydrate: 20, stage: 1200, deploy: 800, live: 30 },
      ...this.ending,
    };
  }

  async *#pushEvents({ namespace, app, revision, query, signal }: Parameters<DavitHandlers<Caller>["pushEvents"]>[0]): AsyncGenerator<PushEvent> {
    const push = this.#need(namespace, app).pushes[revision - 1];
    if (!push) throw new Fault("revision_not_found", `the app '${app}' has no revision ${revision}`);
    for (const event of push.events) {
      if (event.type === "done") await Promise.race([this.hold, new Promise((resolve) => signal.addEventListener("abort", resolve))]);
      if (signal.aborted) return;
      if (event.seq > query.after) yield event;
    }
  }

  async *#appLogs({ namespace, app, query, signal }: Parameters<DavitHandlers<Caller>["appLogs"]>[0]): AsyncGenerator<LogLine> {
    this.#need(namespace, app);
    yield* this.logLines.slice(query.tail === undefined ? 0 : Math.max(0, this.logLines.length - query.tail));
    if (query.follow) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
}

function details({ name, namespace, pushes }: FakeApp): AppDetails {
  const revisions = pushes.map((push, index) => ({
    number: index + 1,
    phase: "live",
    outcome: "live" as const,
    image: null,
    source: `tree:${push.request.source.tree}`,
    createdAt: "2026-01-01T00:00:00Z",
    createdBy: "ann",
    phases: { stage: 1200 },
    fault: null,
  }));
  return {
    name,
    namespace,
    status: "live",
    ready: 1,
    instances: 1,
    revision: pushes.length || null,
    url: `http://${name}.apps.test`,
    routes: [`${name}.apps.test`],
    port: 8080,
    envNames: [],
    image: null,
    revisions: revisions.reverse(),
  };
}

/** The body, broken off after so many bytes, as by an agent that is killed. */
function cutAfter(body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        controller.enqueue(part.subarray(0, left));
        left -= part.length;
        if (left <= 0) controller.terminate();
      },
    }),
  );
}
