import { join } from "node:path";
import { addonReady, addons } from "./addons.ts";
import { getJson, isReady } from "./api.ts";
import { type Facts, readFacts } from "./facts.ts";
import type { IngressPorts } from "./forward.ts";
import { certsDirOf, domain, type Layout, type Node, nodesOf } from "./layout.ts";
import { mirrorAnswers, mirrorUrl } from "./mirror.ts";
import { isRunning, logPath } from "./processes.ts";
import { allServers } from "./servers.ts";

export type Part = { name: string; ok: boolean; detail: string };

export type Status = {
  running: boolean;
  parts: Part[];
  kubeconfig: string;
  kubectl: string;
  domain: string;
  ingress: IngressPorts & { address: string };
  mirror: string;
  /** Where nodes have whom their containerd trusts. What of it lies on this machine is the first one's; the others have theirs in `nodes`. */
  certsDir: string;
  nodes: { name: string; address: string; certsDir: string }[];
  ca: string;
  auditLog: string;
  logs: string;
};

export async function statusOf(layout: Layout): Promise<Status> {
  const facts = await readFacts(layout);
  const nodes = nodesOf(layout, facts?.nodes ?? 1);
  const parts = facts ? await inspect(layout, facts, nodes) : [{ name: "cluster", ok: false, detail: "not started: ./scripts/cluster/up" }];
  return {
    running: parts.every((part) => part.ok),
    parts,
    kubeconfig: layout.kubeconfig,
    kubectl: join(layout.bin, "kubectl"),
    domain,
    ingress: { ...(facts?.ingress ?? { http: 80, https: 443 }), address: layout.net.node },
    mirror: mirrorUrl(layout),
    certsDir: certsDirOf(layout),
    nodes: nodes.map(({ name, address, certsD }) => ({ name, address, certsDir: certsD })),
    ca: join(layout.pki, "ca.crt"),
    auditLog: layout.auditLog,
    logs: layout.logs,
  };
}

async function inspect(layout: Layout, facts: Facts, nodes: readonly Node[]): Promise<Part[]> {
  const names = [...allServers(layout, nodes, {}).map((server) => server.name), "davit-forward"];
  const processes = names.map(async (name): Promise<Part> => {
    const pid = await isRunning(layout, name);
    return { name, ok: pid !== undefined, detail: pid === undefined ? `not running; log: ${logPath(layout, name)}` : `process ${pid}` };
  });
  const answers = await isReady(layout);
  const ingress = await fetch(`http://127.0.0.1:${facts.ingress.http}/`, { signal: AbortSignal.timeout(1000) }).then(
    () => true,
    () => false,
  );
  const objects = answers
    ? [
        ...nodes.map((node) => readiness(layout, node)),
        ...addons.map(async (addon) => said(addon.name, await addonReady(layout, addon).catch(() => false))),
      ]
    : [];
  return [
    ...(await Promise.all(processes)),
    said("api", answers),
    said("mirror", await mirrorAnswers(layout)),
    said("ingress", ingress),
    ...(await Promise.all(objects)),
  ];
}

const said = (name: string, ok: boolean): Part => ({ name, ok, detail: ok ? "ready" : "not ready" });

type NodeObject = { status?: { conditions?: { type: string; status: string; message?: string }[] } };

async function readiness(layout: Layout, { name }: Node): Promise<Part> {
  const found = (await getJson(layout, `/api/v1/nodes/${name}`).catch(() => undefined)) as NodeObject | undefined;
  const condition = found?.status?.conditions?.find(({ type }) => type === "Ready");
  const ok = condition?.status === "True";
  return { name, ok, detail: ok ? "ready" : (condition?.message ?? "not registered") };
}

export function statusTable(status: Status): string {
  const width = Math.max(...status.parts.map((part) => part.name.length));
  const rows = status.parts.map((part) => `${part.ok ? "ok  " : "FAIL"}  ${part.name.padEnd(width)}  ${part.detail}`);
  if (!status.running) return rows.join("\n");
  const port = status.ingress.http === 80 ? "" : `:${status.ingress.http}`;
  return [...rows, "", `KUBECONFIG  ${status.kubeconfig}`, `kubectl     ${status.kubectl}`, `apps        http://NAME.${status.domain}${port}/`].join(
    "\n",
  );
}
