import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Pod } from "#shared/kube/objects";
import { type Flow, parseFlow } from "#test/network/flows";
import type { Labels } from "#test/network/policy";
import { layoutOf } from "../../../scripts/cluster/layout.ts";

/** What is known of a Pod after it has gone. */
export interface PodSeen {
  uid: string;
  name: string;
  namespace: string;
  address: string;
  labels: Labels;
  ports: { name?: string; number: number; protocol: "TCP" | "UDP" | "SCTP" }[];
  /** Ports that kubelet asks whether the Pod is well. */
  probed: number[];
  /** Milliseconds since 1970. */
  createdAt: number;
}

export interface Run {
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** Every address of the node itself. */
  nodes: string[];
  namespaces: Record<string, Labels>;
}

/** A whole run of the end-to-end tests, as it was seen from outside. */
export interface Recording extends Run {
  flows: Flow[];
  pods: PodSeen[];
}

/** Where the recording of the cluster's last run is kept; it goes with the cluster. */
export function recordingFiles(env: Record<string, string | undefined>) {
  const folder = join(layoutOf(env).state, "recorded-run");
  return { folder, run: join(folder, "run.json"), flows: join(folder, "flows.txt"), pods: join(folder, "pods.ndjson") };
}

/** @throws Error that says what to do when no run was recorded, or the last one was cut off */
export function readRecording(env: Record<string, string | undefined>): Recording {
  const files = recordingFiles(env);
  if (!existsSync(files.run)) {
    throw new Error("no whole run of the end-to-end tests was recorded on this cluster, so there is nothing to audit: ./scripts/test e2e audit");
  }
  const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").filter(Boolean);
  return {
    ...(JSON.parse(readFileSync(files.run, "utf8")) as Run),
    flows: linesOf(files.flows).flatMap((line) => parseFlow(line) ?? []),
    pods: linesOf(files.pods).map((line) => JSON.parse(line) as PodSeen),
  };
}

/** The Pod as it is to be remembered, once it has an address of its own. */
export function podSeen({ metadata, spec, status }: V1Pod): PodSeen | undefined {
  if (!status?.podIP || spec?.hostNetwork) return undefined;
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const ports = containers.flatMap((container) =>
    (container.ports ?? []).map(({ name, containerPort, protocol = "TCP" }) => ({
      ...(name ? { name } : {}),
      number: containerPort,
      protocol: protocol as PodSeen["ports"][number]["protocol"],
    })),
  );
  const numberOf = (port: string | number | undefined) => (typeof port === "number" ? port : ports.find(({ name }) => name === port)?.number);
  const probes = containers.flatMap(({ readinessProbe, livenessProbe, startupProbe }) => [readinessProbe, livenessProbe, startupProbe]);
  return {
    uid: metadata?.uid ?? "",
    name: metadata?.name ?? "",
    namespace: metadata?.namespace ?? "",
    address: status.podIP,
    labels: metadata?.labels ?? {},
    ports,
    probed: [...new Set(probes.flatMap((probe) => numberOf((probe?.httpGet ?? probe?.tcpSocket ?? probe?.grpc)?.port) ?? []))],
    createdAt: Number(new Date(metadata?.creationTimestamp ?? 0)),
  };
}
