import { Kube } from "#shared/kube/client";

/** What one container wrote, and whether it still runs. */
interface FakeContainer {
  lines: { at: string; line: string }[];
  runs: boolean;
}

interface FakePod {
  name: string;
  gone: boolean;
  containers: FakeContainer[];
}

/** An API server with one app's Pods and their logs, given as kubelet gives them: from a whole second on, the container's before on demand. */
export class FakePodLogs implements Disposable {
  readonly kube: Kube;
  readonly #pods: FakePod[] = [];
  readonly #server: Bun.Server<undefined>;
  /** What is told of every change: open logs and watches. */
  readonly #open = new Set<() => void>();
  readonly #followed = new Map<string, PromiseWithResolvers<void>>();
  readonly #cuts = new Set<(how: "break" | "end") => void>();
  #version = 1;
  #second = Math.floor(Date.now() / 1000);

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      development: false,
      fetch: (request) => this.#answer(new URL(request.url)),
    });
    this.kube = new Kube({ server: this.#server.url.origin, tls: {}, headers: async () => ({}) });
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  start(name: string): void {
    this.#pods.push({ name, gone: false, containers: [{ lines: [], runs: true }] });
    this.#changed();
  }

  /** All within one second, until the next tick. */
  write(name: string, ...lines: string[]): void {
    const container = this.#pods.find((pod) => pod.name === name)?.containers.at(-1);
    for (const line of lines) container?.lines.push({ at: `${new Date(this.#second * 1000).toISOString().slice(0, 19)}.000000001Z`, line });
    this.#changed();
  }

  tick(seconds = 1): void {
    this.#second += seconds;
  }

  now(): string {
    return new Date(this.#second * 1000).toISOString();
  }

  end(name: string): void {
    const container = this.#pods.find((pod) => pod.name === name)?.containers.at(-1);
    if (container) container.runs = false;
    this.tick();
    this.#changed();
  }

  restart(name: string): void {
    this.end(name);
    this.#pods.find((pod) => pod.name === name)?.containers.push({ lines: [], runs: true });
    this.#changed();
  }

  /** Resolves when somebody follows the Pod's log. */
  followed(name: string): Promise<void> {
    return this.#follower(name).promise;
  }

  #follower(name: string): PromiseWithResolvers<void> {
    const follower = this.#followed.get(name) ?? Promise.withResolvers<void>();
    this.#followed.set(name, follower);
    return follower;
  }

  /** Every log that is followed breaks off, or ends as if all was well. */
  cut(how: "break" | "end"): void {
    for (const cut of [...this.#cuts]) cut(how);
  }

  #changed(): void {
    this.#version += 1;
    for (const tell of this.#open) tell();
  }

  #answer(url: URL): Response {
    const [, name] = /\/pods\/([^/]+)\/log$/.exec(url.pathname) ?? [];
    if (name !== undefined) return this.#log(name, url.searchParams);
    if (url.searchParams.get("watch")) return this.#watch();
    return Response.json({ metadata: { resourceVersion: String(this.#version) }, items: this.#pods.map((pod) => this.#object(pod)) });
  }

  #watch(): Response {
    return this.#stream((write) => {
      for (const pod of this.#pods) write(JSON.stringify({ type: "MODIFIED", object: this.#object(pod) }));
      return false;
    });
  }

  #object({ name, containers }: FakePod) {
    const runs = containers.at(-1)?.runs;
    const startedAt = new Date(this.#second * 1000).toISOString();
    const state = runs ? { running: { startedAt } } : { terminated: { exitCode: 1, startedAt } };
    const status = { name: "app", restartCount: containers.length - 1, containerID: `containerd://${name}-${containers.length}`, state };
    return {
      metadata: { name, namespace: "team", uid: name, resourceVersion: String(this.#version) },
      status: { phase: "Running", containerStatuses: [status] },
    };
  }

  #log(name: string, query: URLSearchParams): Response {
    const pod = this.#pods.find((each) => each.name === name);
    const container = query.get("previous") === "true" ? pod?.containers.at(-2) : pod?.containers.at(-1);
    if (!container) return Response.json({ kind: "Status", code: 400, message: "previous terminated container not found" }, { status: 400 });
    const since = query.get("sinceTime");
    const from = since === null ? 0 : Math.floor(Date.parse(since) / 1000);
    const tail = query.get("tailLines");
    if (query.get("follow") === "true") this.#follower(name).resolve();
    let told = tail === null ? 0 : Math.max(0, container.lines.length - Number(tail));
    return this.#stream((write) => {
      for (; told < container.lines.length; told++) {
        const { at, line } = container.lines[told] ?? { at: "", line: "" };
        if (Math.floor(Date.parse(at) / 1000) >= from) write(`${at} ${line}`);
      }
      return query.get("follow") !== "true" || !container.runs;
    }, this.#cuts);
  }

  /** Writes again whenever something has changed, until `pump` says that it is over. */
  #stream(pump: (write: (line: string) => void) => boolean, cuts?: Set<(how: "break" | "end") => void>): Response {
    const encoder = new TextEncoder();
    let stop = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const cut = (how: "break" | "end") => {
          stop();
          if (how === "end") controller.close();
          else controller.error(new Error("broken off"));
        };
        const tell = () => {
          if (pump((line) => controller.enqueue(encoder.encode(`${line}\n`)))) cut("end");
        };
        stop = () => {
          this.#open.delete(tell);
          cuts?.delete(cut);
        };
        this.#open.add(tell);
        cuts?.add(cut);
        tell();
      },
      cancel: () => stop(),
    });
    return new Response(body);
  }
}
