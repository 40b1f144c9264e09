import type { RouteCertificate } from "#shared/app";
import { TLS_SECRET } from "#shared/certificates";
import { gatewayName } from "#shared/gateway";
import type { KubeObject } from "#shared/kube/objects";
import { aborted } from "../aborted.ts";
import type { Deps } from "../deps.ts";
import { Joined } from "../joined.ts";
import { OWN_LABELS } from "../objects/meta.ts";
import { splitRoute, urlOf } from "../objects/route.ts";
import { updateUrls } from "./app-urls.ts";
import { isComing, whyNot } from "./cert-manager.ts";
import { copiesOf, nameOfCopy, servedWith } from "./ingress-tls.ts";
import { Keeper } from "./keeper.ts";
import { Pass } from "./pass.ts";
import { HOME, keyOf, Seen } from "./seen.ts";
import { factsIn } from "./tls-data.ts";
import { isShared, usesCertManager, type Wanted, wantedOwn } from "./wanted.ts";

/** What no watch tells of is looked at again after that time. */
const RESYNC_MS = 600_000;
const RETRY_MS = 5_000;

/**
 * Keeps the certificates of the installation and of all routes: makes them, and makes them anew in time; brings those of
 * routes to the namespaces of their apps, and has Ingresses name those that are there. What there is to be follows from the
 * plan and from the Ingresses that exist, so a restart finds done what is done.
 */
export class Certificates {
  readonly #deps: Pick<Deps, "kube" | "config" | "log">;
  readonly #seen = new Seen();
  readonly #keeper: Keeper;
  /** Why a Secret or an Ingress is not what it should be. */
  #problems = new Map<string, string>();
  readonly #turns = new Joined();
  readonly #settled = Promise.withResolvers<void>();
  #change = Promise.withResolvers<void>();
  #timer: Timer | undefined;

  constructor(deps: Pick<Deps, "kube" | "config" | "log">) {
    this.#deps = deps;
    this.#keeper = new Keeper(deps, this.#seen);
  }

  /** Keeps them until `signal` aborts. @throws Fault forbidden */
  async run(signal: AbortSignal): Promise<void> {
    const own = wantedOwn(this.#deps.config.installation);
    const secrets = [...own.map(({ secret }) => secret).filter((secret) => !isShared(secret)), TLS_SECRET.given];
    const { gateway, installation } = this.#deps.config;
    const what = { secrets, everywhere: TLS_SECRET.wildcard, ingresses: gateway === undefined, certManager: usesCertManager(installation.plan) };
    try {
      await this.#seen.follow(this.#deps.kube, what, () => this.#look(), signal);
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Resolves once all was looked at. */
  async settled(): Promise<void> {
    await this.#settled.promise;
  }

  /** The certificates of the hosts of an app's routes as they are now. */
  of(namespace: string, app: string, routes: readonly string[]): RouteCertificate[] {
    const hosts = new Set(routes.map((route) => splitRoute(route).host));
    return [...hosts].map((host) => {
      const facts = this.#facts(namespace, app, host);
      const reason = facts ? null : this.#reason(namespace, host);
      return { host, reason, issuer: facts?.issuer ?? null, notAfter: facts?.notAfter ?? null };
    });
  }

  /** The URL that people open for a route of an app. */
  urlOf(namespace: string, app: string, route: string): string {
    const secure = this.#facts(namespace, app, splitRoute(route).host) !== undefined;
    return urlOf(this.#deps.config.domain, route, secure ? "https" : "http");
  }

  /** Of the certificate that a host is to show; undefined when it has none yet. */
  fingerprint(namespace: string, app: string, host: string): string | undefined {
    return this.#facts(namespace, app, host)?.fingerprint;
  }

  /** Waits until each host has its certificate or can have none, at most until `signal` aborts. */
  async await(namespace: string, app: string, routes: readonly string[], signal: AbortSignal): Promise<RouteCertificate[]> {
    for (const over = aborted(signal); ; await Promise.race([this.#change.promise, over])) {
      const found = this.of(namespace, app, routes);
      if (signal.aborted || found.every(({ host, reason }) => reason === null || !this.#isComing(host))) return found;
    }
  }

  #facts(namespace: string, app: string, host: string) {
    const { gateway } = this.#deps.config;
    const secret = gateway ? this.#keeper.choose(host)?.secret : servedWith(this.#seen.ingresses.get(namespace, app), host);
    return secret === undefined ? undefined : factsIn(this.#keeper.copy(gateway ? HOME : namespace, secret));
  }

  #reason(namespace: string, host: string): string {
    const wanted = this.#keeper.choose(host);
    if (!wanted) return this.#whyNever();
    const problem = this.#problems.get(`${namespace}/${wanted.secret}`) ?? this.#problems.get(`${HOME}/${wanted.secret}`);
    return problem ?? whyNot(this.#seen.certificates.get(HOME, wanted.secret)) ?? "the certificate is being made";
  }

  #whyNever(): string {
    const { gateway } = this.#deps.config;
    if (!gateway) return "the certificate that this installation was given is not for this host";
    return `it is not below the domain; the ${gatewayName(gateway)} shows what its own listeners have for it`;
  }

  #isComing(host: string): boolean {
    const wanted = this.#keeper.choose(host);
    if (!wanted) return false;
    return wanted.maker.by !== "cert-manager" || isComing(this.#seen.certificates.get(HOME, wanted.secret));
  }

  #look(): void {
    this.#tell();
    void this.#turns.run("look", () => this.#keepAll());
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Brings everything to what it should be. What fails is tried again soon, and keeps nothing else from being done. */
  async #keepAll(): Promise<void> {
    clearTimeout(this.#timer);
    const pass = new Pass(this.#deps.log);
    const own = wantedOwn(this.#deps.config.installation);
    const copies = copiesOf(this.#seen.ingresses.all(), (host) => this.#keeper.choose(host));
    await pass.each(own, nameOfOwn, (wanted) => this.#keeper.keepOwn(wanted));
    await this.#keepOrders(pass, [...own, ...copies.map(({ wanted }) => wanted)]);
    this.#keeper.retain(copies);
    await pass.each(copies, nameOfCopy, (copy) => this.#keeper.keepCopy(copy));
    const changed = await pass.each(this.#seen.ingresses.all(), keyOf, (ingress) => this.#keeper.point(ingress));
    // What a restart kept from being done is done at the first pass.
    if (changed.includes(true) || this.#timer === undefined) await pass.each(["urls"], String, () => this.#updateUrls());
    this.#problems = pass.problems;
    const due = Math.min(await this.#keeper.nextDue(own, copies), Date.now() + (pass.problems.size > 0 ? RETRY_MS : RESYNC_MS));
    this.#timer = setTimeout(() => this.#lookAnew(), due - Date.now());
    this.#settled.resolve();
    this.#tell();
  }

  async #keepOrders(pass: Pass, wanted: readonly Wanted[]): Promise<void> {
    const orders = new Map(wanted.filter(({ maker }) => maker.by === "cert-manager").map((one) => [one.secret, one]));
    await pass.each(orders.values(), nameOfOwn, (one) => this.#keeper.order(one));
    const needless = this.#seen.certificates.all().filter((one) => isOwn(one) && !orders.has(one.metadata?.name ?? ""));
    await pass.each(needless, keyOf, ({ metadata }) => this.#keeper.cancel(metadata?.name ?? ""));
  }

  async #updateUrls(): Promise<void> {
    await updateUrls(this.#deps.kube, ({ metadata: { namespace, name }, spec: { routes } }) =>
      routes[0] === undefined ? undefined : this.urlOf(namespace, name, routes[0]),
    );
  }

  #lookAnew(): void {
    this.#keeper.doubt();
    this.#look();
  }
}

function nameOfOwn({ secret }: Wanted): string {
  return `${HOME}/${secret}`;
}

function isOwn({ metadata }: KubeObject): boolean {
  return Object.entries(OWN_LABELS).every(([label, value]) => metadata?.labels?.[label] === value);
}
