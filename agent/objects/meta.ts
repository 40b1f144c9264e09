import type { V1OwnerReference } from "#shared/kube/objects";
import { sha256 } from "#shared/pack";
import { type App, DAVIT_API, type Revision } from "./types.ts";

export const OWN_NAMESPACE = "davit";
export const STAGING = "davit-staging";
/** Of what belongs to no app. */
export const OWN_LABELS = { "app.kubernetes.io/managed-by": "davit" };
/** What every Pod there has in common: it runs once, knows nothing of the cluster, and loses nothing when it is ended. */
export const STAGING_POD = {
  restartPolicy: "Never",
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 2,
} as const;
export const MANAGED = "davit.dev/managed";
export const PULL_SECRET = "davit-pull";
/** Set on an App until all that lies outside its namespace is gone. */
export const FINALIZER = "davit.dev/cleanup";

/** On a configuration's Secret: the configuration's name. */
export const CONFIGURATION = "davit.dev/configuration";
/** On a configuration's Secret: the revision that was deployed with it last. */
export const BOUND_BY = "davit.dev/bound-by";

/** On a git credential's Secret: the credential's name. */
export const GIT_CREDENTIAL = "davit.dev/git-credential";

export const LABEL = {
  app: "davit.dev/app",
  namespace: "davit.dev/namespace",
  revision: "davit.dev/revision",
  buildKey: "davit.dev/build-key",
  request: "davit.dev/request",
} as const;

/** Labels of everything that belongs to an app in its own namespace. */
export function appLabels(app: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": app,
    "app.kubernetes.io/managed-by": "davit",
    "app.kubernetes.io/part-of": app,
    [LABEL.app]: app,
  };
}

/** Labels of what an app has in the staging namespace, where apps of all tenants lie side by side. */
export function stagingLabels(namespace: string, app: string): Record<string, string> {
  return { ...appLabels(app), "app.kubernetes.io/component": "staging", [LABEL.namespace]: namespace };
}

/** A name for an app outside its namespace: readable, at most 52 characters, and never that of another app. */
export function stagingName(namespace: string, app: string): string {
  const readable = `${namespace}-${app}`.slice(0, 43).replace(/-+$/, "");
  return `${readable}-${sha256(`${namespace}/${app}`).slice(0, 8)}`;
}

export function revisionName(app: string, number: number): string {
  return `${app}-${number}`;
}

export function envSecretName(app: string, number: number): string {
  return `${app}-${number}-env`;
}

export function configurationSecret(name: string): string {
  return `configuration-${name}`;
}

/** Where those of a configuration's values are that can be variables; no configuration has a dot in its name. */
export function variablesSecret(configuration: string): string {
  return `${configurationSecret(configuration)}.variables`;
}

export function gitCredentialSecret(name: string): string {
  return `git-credential-${name}`;
}

export function ownedBy(owner: App | Revision): V1OwnerReference[] {
  return [
    {
      apiVersion: DAVIT_API,
      kind: owner.kind,
      name: owner.metadata.name,
      uid: owner.metadata.uid ?? "",
      controller: true,
      blockOwnerDeletion: false,
    },
  ];
}

/** Selects the Pods of one revision of an app. */
export function podSelector(app: string, revision: number): string {
  return `${LABEL.app}=${app},${LABEL.revision}=${revision}`;
}
