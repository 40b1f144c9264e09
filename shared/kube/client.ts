import { Fault } from "../fault.ts";
import { isUntrusted } from "../untrusted.ts";
import { pause } from "../within.ts";
import { faultOf } from "./fault.ts";
import type { KubeObject } from "./objects.ts";
import { pathOf, type Ref } from "./resource.ts";

/** How to reach an API server. `headers` is asked for each request, because tokens rotate. */
export interface KubeEndpoint {
  server: string;
  tls: { ca?: string; cert?: string; key?: string; rejectUnauthorized?: boolean; serverName?: string };
  headers: () => Promise<Record<string, string>>;
}

export interface KubeRequest {
  method?: string;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** The answer may be silent for as long as it likes; others are taken for lost after five minutes without a byte. */
  patient?: boolean;
}

export interface ApplyOptions {
  subresource?: string;
  dryRun?: boolean;
  signal?: AbortSignal;
  manager?: string;
}

/** How often an API server is asked that says "not now, in a second": while it is loaded, or a kind has just been made. */
const TRIES = 10;
const LONGEST_WAIT_MS = 5000;

/** The field manager of every server-side apply that davit makes, but where two parts of it have a share in one object. */
const FIELD_MANAGER = "davit";

/** Whether davit wrote it: the API server notes who writes, which an edit does not lose. */
export function isOwn({ metadata }: { metadata?: { managedFields?: { manager?: string }[] } }): boolean {
  return metadata?.managedFields?.some(({ manager }) => manager === FIELD_MANAGER) ?? false;
}

/**
 * The Kubernetes API over Bun's fetch. @kubernetes/client-node's own transport loses the kubeconfig's CA and client
 * certificate under Bun, so only its types and its kubeconfig reader are used.
 */
export class Kube {
  readonly #endpoint: KubeEndpoint;

  constructor(endpoint: KubeEndpoint) {
    this.#endpoint = endpoint;
  }

  /**
   * The raw response, whatever its status. What the API server puts off is asked again when it says, as every client of it does.
   * @throws Fault cluster_unreachable when the API server does not answer
   */
  async fetch(path: string, request: KubeRequest = {}): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const response = await this.#ask(path, request);
      const seconds = response.status === 429 ? Number(response.headers.get("retry-after") ?? 0) : 0;
      if (!(seconds > 0) || tries === TRIES) return response;
      await response.body?.cancel();
      await pause(Math.min(seconds * 1000, LONGEST_WAIT_MS), request.signal);
    }
  }

  async #ask(path: string, request: KubeRequest): Promise<Response> {
    const url = new URL(this.#endpoint.server.replace(/\/$/, "") + path);
    for (const [key, value] of Object.entries(request.query ?? {})) if (value !== undefined) url.searchParams.set(key, String(value));
    const raw = request.body === undefined || request.body instanceof Uint8Array || typeof request.body === "string";
    try {
      const init = {
        method: request.method ?? "GET",
        headers: {
          accept: "application/json",
          ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
          ...(await this.#endpoint.headers()),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: raw ? (request.body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(request.body) }),
        ...(request.signal ? { signal: request.signal } : {}),
        ...(request.patient ? { timeout: false } : {}),
        tls: this.#endpoint.tls,
      };
      return await fetch(url, init);
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw unreachable(this.#endpoint.server, error);
    }
  }

  /** The parsed answer. @throws Fault for every status that is not 2xx */
  async json<T>(path: string, request: KubeRequest = {}): Promise<T> {
    const response = await this.fetch(path, request);
    if (!response.ok) throw await faultOf(response, `${request.method ?? "GET"} ${path}`);
    return (await response.json()) as T;
  }

  /** The object, or undefined when there is none. */
  async get<T extends KubeObject>(ref: Ref & { name: string }, signal?: AbortSignal): Promise<T | undefined> {
    const response = await this.fetch(pathOf(ref), { signal });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) throw await faultOf(response, `GET ${pathOf(ref)}`);
    return (await response.json()) as T;
  }

  async list<T extends KubeObject>(ref: Ref, options: { labels?: string; fields?: string; signal?: AbortSignal } = {}): Promise<T[]> {
    const list = await this.json<{ items: T[] }>(pathOf(ref), {
      query: { labelSelector: options.labels, fieldSelector: options.fields },
      signal: options.signal,
    });
    return list.items.map((item) => ({ ...item, apiVersion: ref.apiVersion, kind: ref.kind }));
  }

  /** Server-side apply: the object as davit wants it; fields of other managers stay, fields davit no longer names go. */
  async apply<T extends KubeObject>(object: T, options: ApplyOptions = {}): Promise<T> {
    return await this.json<T>(pathOf(refOf(object), options.subresource), {
      method: "PATCH",
      query: { fieldManager: options.manager ?? FIELD_MANAGER, force: true, dryRun: options.dryRun ? "All" : undefined },
      contentType: "application/apply-patch+yaml",
      body: object,
      signal: options.signal,
    });
  }

  /** Creates the object; undefined when one of that name is there already. */
  async create<T extends KubeObject>(object: T, signal?: AbortSignal): Promise<T | undefined> {
    const collection = pathOf({ ...refOf(object), name: undefined });
    const response = await this.fetch(collection, { method: "POST", query: { fieldManager: FIELD_MANAGER }, body: object, signal });
    if (response.status === 409) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) throw await faultOf(response, `POST ${collection}`);
    return (await response.json()) as T;
  }

  /** Deletes the object, with a `uid` only that one, or every object of the kind that `labels` selects; nothing there is no error. */
  async remove(
    ref: Ref,
    options: { labels?: string; propagation?: "Background" | "Foreground"; graceSeconds?: number; uid?: string | undefined } = {},
  ): Promise<void> {
    if (!ref.name && !options.labels) throw new Error("a collection is deleted by labels only");
    const response = await this.fetch(pathOf(ref), {
      method: "DELETE",
      query: { propagationPolicy: options.propagation ?? "Background", gracePeriodSeconds: options.graceSeconds, labelSelector: options.labels },
      body: options.uid && { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid: options.uid } },
    });
    if (!response.ok && response.status !== 404) throw await faultOf(response, `DELETE ${pathOf(ref)}`);
    await response.body?.cancel();
  }

  /** What a WebSocket to the API server needs: Bun's own client takes the same TLS options. */
  async webSocket(path: string, query: URLSearchParams, protocols: string[], headers: Record<string, string> = {}): Promise<WebSocket> {
    const url = `${this.#endpoint.server.replace(/\/$/, "").replace(/^http/, "ws")}${path}?${query}`;
    return new WebSocket(url, { protocols, headers: { ...(await this.#endpoint.headers()), ...headers }, tls: this.#endpoint.tls } as never);
  }
}

export function refOf(object: KubeObject): Ref & { name: string } {
  const { apiVersion, kind, metadata } = object;
  if (!apiVersion || !kind || !metadata?.name) throw new Error("an object needs apiVersion, kind and metadata.name");
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace };
}

function unreachable(server: string, error: unknown): Fault {
  const reason = error instanceof Error ? error.message : String(error);
  return isUntrusted(error)
    ? new Fault("certificate_untrusted", `the certificate of the Kubernetes API server ${server} is not trusted: ${reason}`, { cause: error })
    : new Fault("cluster_unreachable", `the Kubernetes API server ${server} does not answer: ${reason}`, { cause: error, details: { server } });
}
