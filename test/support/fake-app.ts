import type { AppDetails, AppManifest, PushRequest, Source } from "#shared/app";
import type { NewPushEvent, PushEvent, PushResult } from "#shared/push-event";

/** What each of a fake app's pushes asked for, with what it left as it was filled in. */
export interface FakePush {
  request: PushRequest;
  settings: FakeSettings;
  events: PushEvent[];
}

interface FakeSettings {
  source: Source | undefined;
  routes: string[];
  instances: number;
  stopped: boolean;
  port: number;
  configurations: string[];
  env: Record<string, string>;
  buildArgs: Record<string, string>;
}

export interface FakeApp {
  namespace: string;
  name: string;
  pushes: FakePush[];
}

/** What a request asks for, on top of the app's last push. */
export function settingsOf(app: Pick<FakeApp, "name" | "pushes">, request: PushRequest): FakeSettings {
  const before = app.pushes.at(-1)?.settings;
  const env = Object.entries({ ...before?.env, ...request.env }).filter((entry): entry is [string, string] => entry[1] !== null);
  return {
    source: request.source ?? before?.source,
    routes: request.routes ?? before?.routes ?? [`${app.name}.apps.test`],
    instances: request.instances ?? before?.instances ?? 1,
    stopped: request.stopped ?? before?.stopped ?? false,
    port: request.port ?? before?.port ?? 8080,
    configurations: boundBy(request, before?.configurations ?? []),
    env: Object.fromEntries(env),
    buildArgs: request.source ? (request.buildArgs ?? {}) : (before?.buildArgs ?? {}),
  };
}

function boundBy({ configurations, bind = [], unbind = [] }: PushRequest, before: readonly string[]): string[] {
  return [...new Set([...(configurations ?? before), ...bind])].filter((name) => !unbind.includes(name)).sort();
}

function describe(source: Source | undefined): string {
  if (!source) return "";
  if (source.kind === "tree") return `tree:${source.tree}`;
  return source.kind === "git" ? `git:${source.url}@${source.revision ?? "HEAD"}` : `image:${source.image}`;
}

export function resultOf({ name, namespace }: FakeApp, { source, routes }: FakeSettings): PushResult {
  return {
    outcome: "live",
    app: name,
    namespace,
    revision: null,
    url: routes[0] === undefined ? null : `https://${routes[0]}`,
    image: "registry/apps/shop@sha256:00",
    source: describe(source),
    reused: { chunks: 0, bytes: 0, build: true },
    sent: { chunks: 0, bytes: 0 },
    phases: { hydrate: 20, stage: 1200, deploy: 800, live: 30 },
  };
}

export function numbered(events: readonly NewPushEvent[]): PushEvent[] {
  return events.map((event, index) => ({ ...event, seq: index + 1, at: Date.now() }) as PushEvent);
}

export function detailsOf(app: FakeApp): AppDetails {
  const { name, namespace, pushes } = app;
  const { routes, instances, stopped, port, configurations, env } = settingsOf(app, {});
  const running = stopped ? 0 : instances;
  const revisions = pushes.map(({ settings }, index) => ({
    number: index + 1,
    phase: "live",
    outcome: "live" as const,
    image: null,
    source: describe(settings.source),
    from: null,
    pods: index + 1,
    createdAt: "2026-01-01T00:00:00Z",
    createdBy: "ann",
    phases: { stage: 1200 },
    restorable: true,
    fault: null,
  }));
  return {
    name,
    namespace,
    status: running === 0 ? "stopped" : "live",
    ready: running,
    instances: running,
    revision: pushes.length || null,
    url: routes[0] === undefined ? null : `https://${routes[0]}`,
    routes,
    scale: instances,
    stopped,
    port,
    envNames: Object.keys(env).sort(),
    configurations,
    image: null,
    certificates: routes.map((route) => ({
      host: route.split("/")[0] ?? "",
      reason: null,
      issuer: "CN=davit CA",
      notAfter: "2030-01-02T03:04:05.000Z",
    })),
    revisions: revisions.reverse(),
  };
}

export function manifestOf(app: FakeApp): AppManifest {
  const { source, routes, instances, port, env, configurations, buildArgs } = settingsOf(app, {});
  if (!source) throw new Error("a fake app without a push");
  return { source, routes, instances, port, env, configurations, buildArgs };
}
