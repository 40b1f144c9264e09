import type { CertificatePlan } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { InstallOptions } from "../install/options.ts";
import type { Finding, Hop } from "./finding.ts";
import type { Probes } from "./probes.ts";

/** What all checks look at. */
export interface World {
  kube: Kube;
  /** Where the user's logins are found. */
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** What the installation was made with. */
  options: InstallOptions;
  plan: CertificatePlan;
  probes: Probes;
}

/** One thing that can be looked at by itself, whatever else is broken. */
export interface Check {
  /** As `--only` and `-o json` call it; never changed. */
  id: string;
  /** For one of the ways on which TLS is verified. */
  hop?: Hop;
  group: "hops" | "installation" | "cluster";
  title: string;
  look: (world: World) => Promise<Finding[]>;
}
