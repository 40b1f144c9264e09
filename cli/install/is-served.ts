import type { Kube } from "#shared/kube/client";

/** Whether the cluster has the kinds of a group and version. Everybody may ask that. */
export async function isServed(kube: Kube, apiVersion: string): Promise<boolean> {
  const response = await kube.fetch(`/apis/${apiVersion}`);
  await response.body?.cancel();
  return response.ok;
}
