import { CertificatePlan } from "#shared/certificates";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Deployment } from "#shared/kube/objects";
import { certificatePlan, lookForIssuers } from "../install/certificates.ts";
import { componentRef } from "../install/components.ts";
import { installedOptions } from "../install/installed.ts";
import { envOf, type InstallOptions, resolveOptions } from "../install/options.ts";
import type { Check, World } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { type Examined, examine } from "./examine.ts";
import type { Finding } from "./finding.ts";
import { Probes } from "./probes.ts";

export interface DoctorOptions {
  env: World["env"];
  /** Of the user: nothing more is told after it. */
  signal: AbortSignal;
  timeoutMs: number;
  checks: readonly Check[];
}

/** A finding as `-o json` gives it. */
export type ReportedFinding = Finding & { id: string };

/** Looks at an installation from all sides, and leaves it as it was. @throws Fault not_installed, cluster_unreachable */
export async function* diagnose(kube: Kube, { env, signal, timeoutMs, checks }: DoctorOptions): AsyncGenerator<Examined> {
  const { options, plan } = await installation(kube);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  await using probes = new Probes(kube, options, limit);
  for await (const examined of examine({ kube, env, signal: limit, options, plan, probes }, checks)) {
    signal.throwIfAborted();
    yield examined;
  }
}

/** The checks of these ids; of none, all. @throws Fault usage */
export function checksOf(only: readonly string[]): readonly Check[] {
  const ids = CHECKS.map(({ id }) => id);
  const unknown = only.find((id) => !ids.includes(id));
  if (unknown !== undefined) throw new Fault("usage", `--only is one of ${ids.join(", ")}`, { details: { flag: "--only" } });
  return only.length === 0 ? CHECKS : CHECKS.filter(({ id }) => only.includes(id));
}

/** What is installed, as far as it can be known when half of it is gone. @throws Fault not_installed */
export async function installation(kube: Kube): Promise<{ options: InstallOptions; plan: CertificatePlan }> {
  const [installed, agent] = await Promise.all([installedOptions(kube), kube.get<V1Deployment>(componentRef("agent"))]);
  if (!installed.domain && !agent) throw new Fault("not_installed", "davit is not installed in this cluster; `davit install` does that");
  const { DAVIT_DOMAIN, DAVIT_AGENT_IMAGE, DAVIT_CERTIFICATES } = envOf(agent);
  const said = {
    domain: installed.domain ?? DAVIT_DOMAIN,
    images: installed.images ?? { agent: DAVIT_AGENT_IMAGE },
    mirrors: [],
    certsDirs: [],
    podCidrs: [],
  };
  const options = resolveOptions(said, installed);
  if (DAVIT_CERTIFICATES) return { options, plan: CertificatePlan.parse(JSON.parse(DAVIT_CERTIFICATES)) };
  return { options, plan: certificatePlan(options, await lookForIssuers(kube, options.issuer)) };
}
