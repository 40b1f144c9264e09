import type { Outcome, Phase, Source } from "#shared/app";
import type { FaultWire } from "#shared/fault";
import type { V1OwnerReference } from "#shared/kube/objects";

export const DAVIT_API = "davit.dev/v1alpha1";

/** What an app is to be; a revision carries the settings it was made with, the App those that serve now. */
export interface AppSettings {
  routes: string[];
  instances: number;
  /** No instance runs, however many `instances` says. */
  stopped: boolean;
  port: number;
  /** Names of configurations, sorted. */
  configurations: string[];
}

interface Metadata {
  name: string;
  namespace: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  ownerReferences?: V1OwnerReference[];
  finalizers?: string[];
}

/** An app. `spec` is what serves, or, before the first success, what was first asked for. */
export interface App {
  apiVersion: typeof DAVIT_API;
  kind: "App";
  metadata: Metadata;
  spec: AppSettings;
  status?: {
    /** The revision that serves; absent until one did. */
    revision?: number;
    url?: string;
    image?: string;
  };
}

/** One push and what it made. `spec` never changes. */
export interface Revision {
  apiVersion: typeof DAVIT_API;
  kind: "Revision";
  metadata: Metadata;
  spec: {
    app: string;
    number: number;
    source: Source;
    /** Of a git source that is built again: what was fetched then, so that a branch that has moved on is not built instead. */
    fetched?: { commit: string; tree: string };
    /** The revision whose image this one takes as it is; absent when it has to find or build its own. */
    from?: number;
    /** The revision whose Pods serve this one: its own number, unless it differs from that one in instances and routes only. */
    pods: number;
    settings: AppSettings;
    /** Name of the Secret with the app's env as it is for this revision; it belongs to the revision `pods`. */
    envSecret: string;
    buildArgs: Record<string, string>;
    rebuild: boolean;
    createdBy: string;
    timeoutSeconds: number;
  };
  status?: {
    /** What runs now, or ran last. */
    phase?: Phase;
    /** Absent until the push has ended. */
    outcome?: Outcome;
    /** Of a git source: what was fetched. */
    commit?: string;
    tree?: string;
    /** Repository and digest. */
    image?: string;
    reusedBuild?: boolean;
    /** uid of the Pod that stages it. */
    stagingPod?: string;
    url?: string;
    /** Milliseconds a phase. */
    phases?: Record<string, number>;
    fault?: FaultWire;
    endedAt?: string;
  };
}
