import type { Config } from "../config.ts";

/** A route as its host and its path, which begins with `/`. */
export function splitRoute(route: string): { host: string; path: string } {
  const cut = route.indexOf("/");
  return cut < 0 ? { host: route, path: "/" } : { host: route.slice(0, cut), path: route.slice(cut) };
}

/** The URL that people open for a route. The domain's port is that of https. */
export function urlOf({ port }: Config["domain"], route: string, scheme: "http" | "https"): string {
  const { host, path } = splitRoute(route);
  return `${scheme}://${host}${port && scheme === "https" ? `:${port}` : ""}${path === "/" ? "" : path}`;
}
