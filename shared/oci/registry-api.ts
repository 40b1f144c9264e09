import { Fault } from "../fault.ts";
import type { RegistryPlace } from "../places.ts";
import { fetchWay } from "../proxy.ts";
import { isUntrusted } from "../untrusted.ts";
import { authorize } from "./authorize.ts";
import { parseChallenge } from "./challenge.ts";

type Init = Omit<RequestInit, "headers"> & { headers?: Record<string, string> };

/** Requests to a registry's HTTP API, each with the login that the registry asks for: Basic, or a token for one repository. */
export class RegistryApi {
  readonly #place: RegistryPlace;
  readonly #base: URL;
  /** By repository and actions. */
  readonly #authorizations = new Map<string, string>();

  constructor(place: RegistryPlace) {
    this.#place = place;
    this.#base = new URL(`${place.plainHttp ? "http" : "https"}://${place.host}/v2/`);
  }

  /** `<namespace>/<app>` as this registry calls it. */
  nameOf(repository: string): string {
    return this.#place.prefix ? `${this.#place.prefix}/${repository}` : repository;
  }

  /**
   * The registry's answer, whatever its status. `path` is relative to the repository, or a URL that the registry gave; `init`
   * is asked anew for each try, since the first may only be told what login is wanted.
   * @throws Fault token_rejected, not_logged_in, certificate_untrusted, registry_unavailable
   */
  async request(repository: string, path: string, actions: string, init: () => Init = () => ({})): Promise<Response> {
    const scope = { repository: this.nameOf(repository), actions };
    const key = `${scope.repository}:${actions}`;
    const url = new URL(path, new URL(`${scope.repository}/`, this.#base));
    const first = await this.#send(url, this.#authorized(url, key, init()));
    if (first.status !== 401) return first;
    await first.body?.cancel();
    const { login } = this.#place;
    const credentials = login && { user: login.user, password: login.password.reveal() };
    const challenge = parseChallenge(first.headers.get("www-authenticate") ?? "");
    this.#authorizations.set(key, await authorize(challenge, this.#base, scope, credentials, (to, request) => this.#send(to, request)));
    return await this.#send(url, this.#authorized(url, key, init()));
  }

  /** The registry may send an upload or a download to a host of its choice; the login stays at home. */
  #authorized(url: URL, key: string, init: Init): Init {
    const authorization = this.#authorizations.get(key);
    if (authorization === undefined || url.origin !== this.#base.origin) return init;
    return { ...init, headers: { ...init.headers, authorization } };
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, ...fetchWay(this.#place) });
    } catch (cause) {
      if (init.signal?.aborted) throw init.signal.reason;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw isUntrusted(cause)
        ? new Fault("certificate_untrusted", `the certificate of ${url.host} is not trusted: ${reason}`, { cause })
        : new Fault("registry_unavailable", `${url.host} does not answer: ${reason}`, { cause, details: { registry: url.host } });
    }
  }
}
