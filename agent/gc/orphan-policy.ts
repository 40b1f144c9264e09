import type { ImageName } from "../registry/storage-api.ts";
import type { Verdict } from "./policy.ts";

/** What lies outside the tenants' namespaces, and whom it could belong to. */
export interface OrphanFacts {
  /** Things in the staging namespace. */
  staged: StagedFacts[];
  /** uids of namespaces that the store has something of. */
  stored: string[];
  images: ImageName[];
  /** Every namespace, uid by name. */
  namespaces: Map<string, string>;
  /** `namespace/name` of every app. */
  apps: Set<string>;
}

export interface StagedFacts {
  kind: "Job" | "PersistentVolumeClaim" | "Secret";
  name: string;
  namespace: string;
  app: string;
}

export interface OrphanVerdicts {
  staged: Verdict<StagedFacts>[];
  stored: Verdict<string>[];
  images: Verdict<ImageName>[];
}

/** Images of namespaces that are there are judged with their tenants (policy.ts), or are not davit's. */
export function judgeOrphans({ staged, stored, images, namespaces, apps }: OrphanFacts): OrphanVerdicts {
  const uids = new Map([...namespaces].map(([name, uid]) => [uid, name]));
  const verdict = <T>(of: T, keep: boolean, there: string, gone: string): Verdict<T> => ({ of, keep, why: keep ? there : gone });
  return {
    staged: staged.map((of) =>
      verdict(of, apps.has(`${of.namespace}/${of.app}`), `'${of.app}' is there`, `'${of.app}' in '${of.namespace}' is gone`),
    ),
    stored: stored.map((uid) => verdict(uid, uids.has(uid), `it is the namespace '${uids.get(uid)}'`, "no namespace has this uid any more")),
    images: images
      .filter(({ repository }) => !namespaces.has(namespaceOf(repository)))
      .map((of) => verdict(of, false, "", `the namespace '${namespaceOf(of.repository)}' is gone`)),
  };
}

function namespaceOf(repository: string): string {
  return repository.split("/")[0] ?? "";
}
