import type { App } from "../objects/types.ts";

export const INGRESS = { apiVersion: "networking.k8s.io/v1", kind: "Ingress" } as const;

/** One of the ways by which requests come to apps. */
export interface Way {
  /** Has requests for these routes, and for no others, come to the app. */
  put(app: App, routes: readonly string[]): Promise<void>;
  /** Waits until whoever serves these routes has taken them. @throws what `signal` was aborted with */
  taken(app: App, routes: readonly string[], signal: AbortSignal): Promise<void>;
  /** Where requests for the app go in; undefined where nobody tells. */
  address(app: App, signal: AbortSignal): Promise<string | undefined>;
  /** What keeps hosts of the app from being served, by host. */
  refusals(app: App): Promise<Map<string, string>>;
}
