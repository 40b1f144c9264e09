import type { Kube } from "#shared/kube/client";
import type { Certificates } from "./certificates/certificates.ts";
import type { Config } from "./config.ts";
import type { ImageRegistry } from "./images/image-registry.ts";
import type { Locks } from "./locks.ts";
import type { Log } from "./log.ts";
import type { Routing } from "./routing/routing.ts";
import type { ObjectStore } from "./store/object-store.ts";
import type { Sources } from "./store/sources.ts";

/** What the agent's work needs from outside. */
export interface Deps {
  kube: Kube;
  store: ObjectStore;
  sources: Sources;
  registry: ImageRegistry;
  certificates: Certificates;
  routing: Routing;
  /** By the uid of a tenant's namespace: who adds to what the tenant has shares it, who collects garbage there has it alone. */
  locks: Locks;
  config: Config;
  log: Log;
}
