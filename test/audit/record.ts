import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Kube } from "#shared/kube/client";
import { fromKubeconfig } from "#shared/kube/connect";
import type { V1Namespace, V1Pod } from "#shared/kube/objects";
import { watch } from "#shared/kube/watch";
import { podSeen, type Run, recordingFiles } from "#test/audit/recording";
import type { Labels } from "#test/network/policy";
import { layoutOf, nodeOf } from "../../scripts/cluster/layout.ts";
import { onNode } from "../../scripts/cluster/network.ts";

/*
 * `bun test/audit/record.ts` writes down, until it gets SIGTERM, who connects to whom on the node of scripts/cluster and which
 * Pod has which address. What the audit reads in the end (recording.ts) is complete only after that.
 */

const files = recordingFiles(process.env);
// The first node, where davit itself runs: what others connect to there is seen as well.
const node = onNode(nodeOf(layoutOf(process.env), 1));
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

rmSync(files.folder, { recursive: true, force: true });
mkdirSync(files.folder, { recursive: true });
const from = Date.now();
const nodes = await addressesOfNode();
const kube = new Kube(await fromKubeconfig({}));
const tracking = Bun.spawn([...node, "conntrack", "-E", "-e", "NEW", "-o", "extended,timestamp", "-b", String(16 << 20)], {
  stdout: Bun.file(files.flows),
  stderr: "ignore",
});
const [namespaces] = await Promise.all([followNamespaces(), followPods()]);
tracking.kill("SIGINT");
await tracking.exited;
writeFileSync(files.run, JSON.stringify({ from, to: Date.now(), nodes, namespaces } satisfies Run));

async function followPods(): Promise<void> {
  const told = new Map<string, string>();
  for await (const event of watch<V1Pod>(kube, { apiVersion: "v1", kind: "Pod" }, { signal: stop.signal })) {
    const seen = event.type === "set" ? podSeen(event.object) : undefined;
    if (!seen || told.get(seen.uid) === seen.address) continue;
    told.set(seen.uid, seen.address);
    appendFileSync(files.pods, `${JSON.stringify(seen)}\n`);
  }
}

async function followNamespaces(): Promise<Record<string, Labels>> {
  const labels: Record<string, Labels> = {};
  for await (const event of watch<V1Namespace>(kube, { apiVersion: "v1", kind: "Namespace" }, { signal: stop.signal })) {
    if (event.type === "set") labels[event.object.metadata?.name ?? ""] = event.object.metadata?.labels ?? {};
  }
  return labels;
}

async function addressesOfNode(): Promise<string[]> {
  const text = await new Response(Bun.spawn([...node, "ip", "-json", "address"]).stdout).text();
  return (JSON.parse(text) as { addr_info: { local: string }[] }[]).flatMap(({ addr_info }) => addr_info.map(({ local }) => local));
}
