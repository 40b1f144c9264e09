import type { KubeObject } from "#shared/kube/objects";
import type { World } from "../check.ts";
import { type Finding, ok, problem, warning } from "../finding.ts";

/** Beyond this nodes are taken for dead, and beyond the other one tokens and S3's signatures are refused. */
const WARN_MS = 30_000;
const FAIL_MS = 300_000;
/** A node renews its lease every ten seconds; one that is late by less than this may only be slow. */
const LEASE_MS = 40_000;

/** How far a clock is ahead of the API server's; behind is negative. */
export interface Skew {
  whose: string;
  ms: number;
}

type Lease = KubeObject & { spec?: { renewTime?: string } };

/** Whether the clocks of this machine, the nodes and the S3 store go with the API server's. */
export async function lookAtClocks({ kube, probes, signal }: World): Promise<Finding[]> {
  const [here, store] = await Promise.all([ownSkew(kube, signal), storeSkew(probes)]);
  const leases = await kube.list<Lease>({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace: "kube-node-lease" }, { signal });
  const now = Date.now() - here.ms;
  return clockVerdict([here, ...leases.flatMap((lease) => nodeSkew(lease, now)), ...store]);
}

async function ownSkew(kube: World["kube"], signal: AbortSignal): Promise<Skew> {
  const before = Date.now();
  const answer = await kube.fetch("/version", { signal });
  const after = Date.now();
  await answer.body?.cancel();
  // The header has whole seconds: the middle of one is meant.
  const there = Date.parse(answer.headers.get("date") ?? "") + 500;
  return { whose: "this machine", ms: (before + after) / 2 - there };
}

/** What S3 said was the time when the Pod that asked it had its own. */
async function storeSkew(probes: World["probes"]): Promise<Skew[]> {
  const clock = await probes.store().then(
    (report) => report.clock,
    () => undefined,
  );
  return clock?.there === undefined ? [] : [{ whose: "the S3 store (against the node of a Pod)", ms: clock.there - clock.here }];
}

/** A lease from the future is of a clock that is ahead; an old one of a clock that is behind, or of a node that is gone. */
export function nodeSkew({ metadata, spec }: Lease, now: number): Skew[] {
  const age = now - Date.parse(spec?.renewTime ?? "");
  if (!Number.isFinite(age)) return [];
  const whose = `node ${metadata?.name}`;
  if (age < 0) return [{ whose, ms: -age }];
  return [{ whose, ms: age > LEASE_MS ? LEASE_MS - age : 0 }];
}

export function clockVerdict(skews: readonly Skew[]): Finding[] {
  const wrong = skews.filter(({ ms }) => Math.abs(ms) > WARN_MS);
  if (wrong.length === 0) return [ok(`${skews.map(({ whose }) => whose).join(", ")}: with the API server's clock`)];
  return wrong.map(({ whose, ms }) => {
    const what = `the clock of ${whose} is ${Math.round(Math.abs(ms) / 1000)} s ${ms > 0 ? "ahead" : "behind"}`;
    const fix = "set it, and have it kept by NTP (`timedatectl set-ntp true`); of a node that is not ready, `kubectl get nodes` tells";
    return Math.abs(ms) > FAIL_MS ? problem(what, fix) : warning(what, fix);
  });
}
