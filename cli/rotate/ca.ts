import type { X509Certificate } from "node:crypto";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { V1Secret } from "#shared/kube/objects";
import { untilNone } from "#shared/kube/watch";
import { type ProbeOrderText, ProbeReport } from "#shared/probe";
import { certificatesIn, fingerprintOf } from "#shared/tls/certificate";
import { announceNext, forgetNext } from "../install/authority.ts";
import { type ComponentName, componentsOf, REGISTRY, S3_HOST } from "../install/components.ts";
import { runErrand } from "../install/errand.ts";
import type { Prepared } from "../install/install.ts";
import { decoded } from "../install/made.ts";
import { needNodesTold } from "../install/nodes-told.ts";
import type { InstallOptions } from "../install/options.ts";
import { refreshFiles } from "../install/refresh-files.ts";
import { type Rotating, reestablish } from "./reestablish.ts";

/** What only the cluster sees: always of davit's own CA. */
const SERVERS: Partial<Record<ComponentName, string>> = {
  s3: `https://${S3_HOST}:7070`,
  registry: `https://${REGISTRY}`,
  agent: "https://davit-agent.davit.svc.cluster.local:8443",
};

export interface RotatedCa {
  /** Fingerprint of the CA that signs now, and of the one that is trusted beside it until the next change. */
  ca: string;
  before: string;
}

/**
 * Has a new CA take the place of davit's own: everybody trusts both, then the new one signs, then no certificate of the old one is left.
 * @param nodesReady nodes that davit does not keep were told of the new one
 * @throws Fault usage when the CA is not of davit's making, preflight_failed when nodes have to be told first
 */
export async function rotateCa(kube: Kube, prepared: Prepared, { nodesReady, ...rotating }: Rotating & { nodesReady: boolean }): Promise<RotatedCa> {
  const { signal, tell } = rotating;
  if (await announceNext(kube)) tell("a rotation that was interrupted goes on");
  const mayFollow = () => {
    if (!nodesReady) needNodesTold(prepared.options, "`davit rotate ca --nodes-ready`");
  };
  const { trusted } = await reestablish(kube, prepared, rotating, mayFollow);
  const [present, ...before] = certificatesIn(trusted);
  await noneSignedBy(kube, before, signal);
  tell("no certificate of the old CA is left");
  await shownByServers(kube, prepared.options, present, signal);
  tell("every server shows one of the new CA");
  await forgetNext(kube);
  return { ca: present ? fingerprintOf(present) : "", before: before.map(fingerprintOf).join() };
}

/** Agent, cert-manager and what copies certificates to tenants make them anew. */
async function noneSignedBy(kube: Kube, old: readonly X509Certificate[], signal: AbortSignal): Promise<void> {
  const isOld = (secret: V1Secret) => {
    const [leaf] = certificatesIn(decoded(secret)["tls.crt"] ?? "");
    return leaf !== undefined && old.some(({ publicKey }) => leaf.verify(publicKey));
  };
  const secrets = { apiVersion: "v1", kind: "Secret" };
  const fields = "type=kubernetes.io/tls";
  await Promise.all([
    untilNone<V1Secret>(kube, { ...secrets, namespace: "davit" }, isOld, { fields, signal }),
    untilNone<V1Secret>(kube, secrets, isOld, { fields, labels: "app.kubernetes.io/managed-by=davit", signal }),
  ]);
}

/** @throws Fault deadline when one of them goes on showing another */
async function shownByServers(kube: Kube, options: InstallOptions, ca: X509Certificate | undefined, signal: AbortSignal): Promise<void> {
  const servers = componentsOf(options).filter((name) => SERVERS[name] !== undefined);
  for (const name of servers) await refreshFiles(kube, name);
  const order: ProbeOrderText = { hop: "servers", urls: servers.map((name) => SERVERS[name] ?? ""), ca: ca?.toString() ?? "" };
  const printed = await runErrand(kube, { name: "servers", program: "probe", image: options.images.agent, order }, signal);
  const { problem } = ProbeReport.parse(JSON.parse(printed));
  if (problem) throw new Fault("deadline", `a server still shows a certificate of another CA (${problem.detail}); \`davit rotate ca\` again goes on`);
}
