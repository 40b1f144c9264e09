import type { IncomingMessage } from "node:http";
import { Fault } from "#shared/fault";
import type { Proxies } from "#shared/proxy";
import { abortFault } from "#shared/source/pace";
import { isUntrusted } from "#shared/untrusted";
import { VERSION } from "#shared/version";
import { guardedRequest } from "../guarded-request.ts";
import type { Resolve } from "./guard.ts";
import type { Budget } from "./limits.ts";

export interface HttpOptions {
  resolve: Resolve;
  /** Sent to its host and to no other. */
  credential: { name: string; host: string; username: string; password: string } | undefined;
  /** Trusted instead of the well-known authorities. */
  ca: string[] | undefined;
  proxies: Proxies;
  budget: Budget;
  signal: AbortSignal;
  /** Told after every piece that came. */
  onReceived?: () => void;
}

export interface GitAnswer {
  /** Where the answer came from, after redirects. */
  url: URL;
  type: string;
  /** @throws Fault git_unreachable when it breaks off, git_too_large, what the signal was aborted with */
  body: AsyncIterable<Uint8Array>;
}

export interface Post {
  type: string;
  body: Uint8Array;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/**
 * Requests to git servers, whose URLs come from users: every connection goes to an address that was checked, over TLS
 * that was verified, within limits. node:https is used because Bun's fetch resolves by itself.
 */
export class GitHttp {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * Follows redirects, each checked like the first address.
   * @param suffix how the URL ends; what it leads to has to end likewise, else it is no repository (a login page, say)
   * @throws Fault git_unreachable, git_auth, git_repository_not_found, git_refused
   */
  async get(url: URL, suffix: string, headers: Record<string, string>): Promise<GitAnswer> {
    let at = url;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const message = await this.#send(at, headers);
      if (!REDIRECTS.has(message.statusCode ?? 0)) return this.#answer(at, message);
      message.destroy();
      at = redirectTarget(at, message.headers.location ?? "", suffix);
    }
    throw new Fault("git_unreachable", `${url.host} redirects without end`, { details: { host: url.host } });
  }

  /** @throws Fault git_unreachable, git_auth, git_repository_not_found, git_refused */
  async post(url: URL, post: Post, headers: Record<string, string>): Promise<GitAnswer> {
    return this.#answer(url, await this.#send(url, headers, post));
  }

  #answer(url: URL, message: IncomingMessage): GitAnswer {
    const fault = this.#statusFault(url, message.statusCode ?? 0);
    if (!fault) return { url, type: message.headers["content-type"] ?? "", body: this.#body(url, message) };
    message.destroy();
    throw fault;
  }

  #credentialFor(url: URL) {
    const { credential } = this.#options;
    return credential?.host === url.host ? credential : undefined;
  }

  async #send(url: URL, headers: Record<string, string>, post?: Post): Promise<IncomingMessage> {
    const { resolve, ca, proxies, signal } = this.#options;
    const credential = this.#credentialFor(url);
    const silence = new AbortController();
    const sent = guardedRequest(url, {
      method: post ? "POST" : "GET",
      headers: {
        "user-agent": `git/davit-${VERSION}`,
        ...headers,
        ...(post ? { "content-type": post.type, "content-length": String(post.body.length) } : {}),
        ...(credential ? { authorization: `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}` } : {}),
      },
      body: post?.body,
      ca,
      resolve,
      proxies,
      signal: AbortSignal.any([signal, silence.signal]),
    });
    try {
      return await this.#heard(sent, (fault) => silence.abort(fault));
    } catch (error) {
      throw this.#transportFault(url, error);
    }
  }

  async *#body(url: URL, message: IncomingMessage): AsyncGenerator<Uint8Array> {
    const { budget, onReceived } = this.#options;
    const parts = message[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    try {
      for (;;) {
        const part = await this.#heard(parts.next(), (silence) => message.destroy(silence));
        if (part.done) return;
        budget.spend("received", part.value.length);
        onReceived?.();
        yield part.value;
      }
    } catch (error) {
      throw this.#transportFault(url, error);
    } finally {
      message.destroy();
    }
  }

  /* What `work` comes to, unless the server is silent for too long; then `stop` is called. */
  async #heard<T>(work: Promise<T>, stop: (silence: Fault) => void): Promise<T> {
    const { silenceMs } = this.#options.budget.limits;
    const silent = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const silence = new Fault("git_unreachable", `the git server has said nothing for ${silenceMs / 1000} s`);
      silent.reject(silence);
      stop(silence);
    }, silenceMs);
    try {
      return await Promise.race([work, silent.promise]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  #transportFault(url: URL, error: unknown): Fault {
    const { signal } = this.#options;
    const { host } = url;
    if (signal.aborted) return abortFault(signal);
    if (error instanceof Fault) return new Fault(error.code, error.message, { cause: error, details: { host, ...error.details } });
    const reason = error instanceof Error ? error.message : String(error);
    if (isUntrusted(error)) {
      const details = { host, why: "certificate" };
      return new Fault("git_unreachable", `the certificate of ${host} is not trusted: ${reason}`, { cause: error, details });
    }
    return new Fault("git_unreachable", `${host} does not answer as it should: ${reason}`, { cause: error, details: { host } });
  }

  #statusFault(url: URL, status: number): Fault | undefined {
    const { host } = url;
    const { name } = this.#credentialFor(url) ?? {};
    const details = { host, ...(name ? { credential: name } : {}) };
    const repository = `${host}${url.pathname.replace(/\/(info\/refs|git-upload-pack)$/, "")}`;
    if (status === 200) return undefined;
    if (status === 401 || status === 403) {
      const why = name ? `${host} does not accept the credential '${name}' for this repository` : `${host} wants to know who asks`;
      return new Fault("git_auth", `${why} (status ${status})`, { details });
    }
    if (status === 404 || status === 410) return new Fault("git_repository_not_found", `there is no git repository at ${repository}`, { details });
    if (REDIRECTS.has(status)) return new Fault("git_refused", `${host} sends a request for data elsewhere`, { details });
    return new Fault("git_unreachable", `${host} answers with status ${status}`, { details });
  }
}

function redirectTarget(from: URL, location: string, suffix: string): URL {
  const details = { host: from.host };
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (!to) throw new Fault("git_unreachable", `${from.host} redirects to nowhere`, { details });
  if (to.protocol !== "https:" || to.username !== "" || to.password !== "")
    throw new Fault("git_refused", `${from.host} redirects to an address that is not plain https: ${to.protocol}//${to.host}`, { details });
  if (!`${to.pathname}${to.search}`.endsWith(suffix))
    throw new Fault("git_repository_not_found", `${from.host} has no git repository there: it redirects to ${to.host}${to.pathname}`, { details });
  return to;
}
