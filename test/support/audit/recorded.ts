import { Kube } from "#shared/kube/client";
import { fromKubeconfig } from "#shared/kube/connect";
import { layoutOf } from "../../../scripts/cluster/layout.ts";
import { type Recording, readRecording } from "./recording.ts";
import { type AuditedRequest, requestsOfDavit } from "./requests.ts";

/** A cluster on which a run was recorded. */
export interface Recorded {
  recording: Recording;
  /** What davit asked its API server meanwhile. */
  requests: AuditedRequest[];
  api: Kube;
}

/**
 * The clusters of the last run, whose names `./scripts/test` gives in DAVIT_RECORDED.
 * @throws Error that says what to do when one has no recording
 */
export async function recordedClusters(env: Record<string, string | undefined>): Promise<Recorded[]> {
  return await Promise.all((env.DAVIT_RECORDED ?? "").split(" ").map((name) => recordedCluster({ ...env, DAVIT_CLUSTER: name })));
}

async function recordedCluster(env: Record<string, string | undefined>): Promise<Recorded> {
  const recording = readRecording(env);
  const { auditLog, kubeconfig } = layoutOf(env);
  const requests = await requestsOfDavit(auditLog, recording);
  return { recording, requests, api: new Kube(await fromKubeconfig({ path: kubeconfig })) };
}
