import type { PackedChunk } from "#shared/pack";
import type { StoredRepository } from "../registry/storage-api.ts";

/** What is there of a tenant, as far as it can be garbage or keep something from being garbage. */
export interface TenantFacts {
  /** Milliseconds since 1970. */
  now: number;
  namespace: string;
  /** Revisions to keep of each app: so many that were live, and so many that were not. */
  keepRevisions: number;
  apps: AppFacts[];
  revisions: RevisionFacts[];
  /** The registry's repositories in this namespace. */
  repositories: StoredRepository[];
  trees: { id: string; bytes: number }[];
  /** Trees that were offered, and no revision has come of it. */
  offers: { tree: string; at: number }[];
  /** What is stored for a revision: its log, and orders that a staging Pod was given. */
  records: RecordFacts[];
  /** Secrets with an env. */
  secrets: { name: string; app: string; owned: boolean; at: number }[];
}

/** An app that is not being deleted. */
export interface AppFacts {
  name: string;
  /** The revision that serves. */
  serving?: number;
  /** Images that its Deployment names. */
  images: string[];
}

export interface RevisionFacts {
  app: string;
  number: number;
  at: number;
  ended: boolean;
  live: boolean;
  pods: number;
  /** `repository@digest` when it lies in davit's registry; `repository:tag` while the digest is not known yet. */
  image?: string;
  tree?: string;
}

export interface RecordFacts {
  kind: "log" | "order";
  app: string;
  number: number;
  bytes: number;
  at: number;
  keys: string[];
}

/** A pack, by what its index says. */
export interface PackFacts {
  id: string;
  bytes: number;
  chunks: PackedChunk[];
}
