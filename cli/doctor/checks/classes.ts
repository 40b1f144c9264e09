import { checkIngress, checkStorage, type Problem } from "../../install/preflight.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem } from "../finding.ts";

/** Whether Ingresses have a controller's class. */
export async function lookAtIngressClass({ kube, options }: World): Promise<Finding[]> {
  return verdict(
    await checkIngress(kube, options),
    options.ingressClass ? `IngressClass ${options.ingressClass} is there` : "there is a default IngressClass",
  );
}

/** Whether volumes have a class that makes them. */
export async function lookAtStorageClass({ kube, options }: World): Promise<Finding[]> {
  return verdict(
    await checkStorage(kube, options),
    options.storageClass ? `StorageClass ${options.storageClass} is there` : "there is a default StorageClass",
  );
}

function verdict(problems: readonly Problem[], fine: string): Finding[] {
  return problems.length > 0 ? problems.map(({ problem: what, fix }) => problem(what, fix)) : [ok(fine)];
}
