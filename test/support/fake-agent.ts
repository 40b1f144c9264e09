import { api, type DavitHandlers, type LogLine } from "#shared/api";
import type { GitCredential, PushRequest } from "#shared/app";
import { CA_HEADER, CA_PATH } from "#shared/authority";
import { Fault, toFault } from "#shared/fault";
import type { GarbageItem } from "#shared/garbage";
import { checkPack } from "#shared/pack";
import type { NewPushEvent, PushEvent, PushResult } from "#shared/push-event";
import { serve } from "#shared/rpc-server";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { applyDiff, chunksOf, type TreeEntry, treeId } from "#shared/tree";
import { VERSION } from "#shared/version";
import { detailsOf, type FakeApp, manifestOf, numbered, resultOf, settingsOf } from "./fake-app.ts";
import { configurationHandlers, type FakeConfigurations } from "./fake-configurations.ts";
import { garbageHandlers } from "./fake-garbage.ts";
import { FakeSessions } from "./fake-sessions.ts";
import { gitCredentialHandlers } from "./fake-settings.ts";

interface Caller {
  user: string;
  groups: string[];
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
  readonly configurations: FakeConfigurations = new Map();
  readonly trees = new Map<string, TreeEntry[]>();
  readonly chunks = new Set<string>();
  readonly gitCredentials = new Map<string, GitCredential>();
  /** `METHOD path` of every request. */
  readonly requests: string[] = [];
  /** Bytes after which each next event stream is cut off; none when empty. */
  readonly cuts: number[] = [];
  /** Answers, one each, before the real ones. */
  readonly faults: Fault[] = [];
  /** What garbage collection finds. */
  readonly garbage: GarbageItem[] = [];
  story: NewPushEvent[] = STORY;
  ending: Partial<PushResult> = {};
  logLines: LogLine[] = [{ instance: "abc12", line: "listening", at: "2026-01-01T00:00:00.000000000Z" }];
  /** A push's events stop after the story until this resolves. */
  hold: Promise<void> = Promise.resolve();
  /** Called when a revision is made. */
  onRevision: () => void = () => {};
  readonly sessions = new FakeSessions();
  readonly server: Bun.Server<unknown>;

  /** PEM of the CAs that it names. */
  ca: string;

  constructor(options: { tls?: { key: string; cert: string }; port?: number; ca?: string } = {}) {
    this.ca = options.ca ?? "";
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
      websocket: this.sessions.handlers,
      fetch: async (request, server) => {
        const { pathname, search } = new URL(request.url);
        this.requests.push(`${request.method} ${pathname}${search}`);
        if (pathname === CA_PATH) return new Response(this.ca);
        if (this.sessions.take(request, server, () => this.#authenticate(request))) return undefined;
        const response = await answer(request);
        if (this.ca) response.headers.set(CA_HEADER, certificatesIn(this.ca).map(fingerprintOf).join(" "));
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
    return {
      ...this.#tenantHandlers(),
      ...this.#pushHandlers(),
      ...this.#appHandlers(),
      ...configurationHandlers(this.configurations, this.apps),
      ...gitCredentialHandlers(this.gitCredentials),
      ...garbageHandlers(this.garbage),
    };
  }

  #tenantHandlers(): Pick<DavitHandlers<Caller>, "info" | "whoami" | "listNamespaces" | "createNamespace" | "deleteNamespace"> {
    return {
      info: async () => ({ version: VERSION, protocol: 1, domain: "apps.test" }),
      whoami: async (_, caller) => caller,
      listNamespaces: async () =>
        [...this.namespaces].map(([name, createdAt]) => ({
          name,
          createdAt,
          apps: this.apps.filter((app) => app.namespace === name).length,
          foreign: [],
        })),
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
        const upload = await body();
        const base = upload.base === undefined ? [] : this.trees.get(upload.base);
        if (!base) throw new Fault("tree_base_unknown", "the agent does not hold that tree");
        const entries = applyDiff(base, upload.removed ?? [], upload.entries);
        if (treeId(entries) !== upload.tree) throw new Fault("tree_invalid", "the tree has another id");
        this.trees.set(upload.tree, entries);
        return { missing: [...chunksOf(entries).keys()].filter((chunk) => !this.chunks.has(chunk)) };
      },
      putPack: async ({ body }) => {
        const pack = await body();
        for (const { digest } of checkPack(pack)) this.chunks.add(digest);
        return {};
      },
      planPush: async ({ namespace, app, body }) => {
        this.#checkNamespace(namespace);
        const present = this.app(app, namespace);
        const { env = {}, ...request } = await body();
        const { routes, instances, port, configurations, ...now } = settingsOf(present ?? { name: app, pushes: [] }, request);
        const changes = Object.keys(env).map((name) => `env ${name}: added`);
        return { app, namespace, isNew: !present, routes, instances, port, configurations, envNames: Object.keys(now.env), willBuild: true, changes };
      },
      createRevision: async ({ namespace, app, body }) => this.#createRevision(namespace, app, await body()),
      pushEvents: (input) => this.#pushEvents(input),
    };
  }

  #appHandlers(): Pick<
    DavitHandlers<Caller>,
    "listApps" | "listAllApps" | "showApp" | "listInstances" | "showEnv" | "showManifest" | "deleteApp" | "appLogs"
  > {
    return {
      listApps: async ({ namespace }) => {
        this.#checkNamespace(namespace);
        return this.apps.filter((app) => app.namespace === namespace).map(detailsOf);
      },
      listAllApps: async () => this.apps.map(detailsOf),
      showApp: async ({ namespace, app }) => detailsOf(this.#need(namespace, app)),
      listInstances: async ({ namespace, app }) => {
        const { port } = detailsOf(this.#need(namespace, app));
        return { port, instances: [{ name: "abc12", ready: true }] };
      },
      showEnv: async ({ namespace, app }) => settingsOf(this.#need(namespace, app), {}).env,
      showManifest: async ({ namespace, app }) => manifestOf(this.#need(namespace, app)),
      deleteApp: async ({ namespace, app }) => {
        this.apps.splice(this.apps.indexOf(this.#need(namespace, app)), 1);
        return {};
      },
      appLogs: (input) => this.#appLogs(input),
    };
  }

  #createRevision(namespace: string, name: string, request: PushRequest) {
    this.#checkSource(request);
    const app = request.source ? (this.app(name, namespace) ?? { namespace, name, pushes: [] }) : this.#need(namespace, name);
    if (!this.apps.includes(app)) this.apps.push(app);
    const last = app.pushes.at(-1);
    const settings = settingsOf(app, request);
    const result = { ...resultOf(app, settings), ...this.ending };
    if (last && !request.rebuild && !request.restart && request.from === undefined && JSON.stringify(last.settings) === JSON.stringify(settings)) {
      return { outcome: "unchanged" as const, result: { ...result, outcome: "unchanged" as const, revision: app.pushes.length, phases: {} } };
    }
    const revision = app.pushes.length + 1;
    app.pushes.push({ request, settings, events: numbered([...this.story, { type: "done", result: { ...result, revision } }]) });
    this.onRevision();
    return { outcome: "accepted" as const, revision };
  }

  #checkSource({ source }: PushRequest): void {
    if (source?.kind !== "tree") return;
    const tree = this.trees.get(source.tree);
    if (!tree || [...chunksOf(tree).keys()].some((chunk) => !this.chunks.has(chunk))) throw new Fault("chunks_missing", "chunks are missing");
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
