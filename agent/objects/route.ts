import type { Config } from "../config.ts";

/** A route as its host and its path, which begins with `/`. */
export function splitRoute(route: string): { host: string; path: string } {
  const cut = route.indexOf("/");
  return cut < 0 ? { host: route, path: "/" } : { host: route.slice(0, cut), path: route.slice(cut) };
}

/** The URL that people open for a route. */
export function urlOf(config: Pick<Config, "domain" | "scheme">, route: string): string {
  const { host, path } = splitRoute(route);
  return `${config.scheme}://${host}${config.domain.port ? `:${config.domain.port}` : ""}${path === "/" ? "" : path}`;
}
