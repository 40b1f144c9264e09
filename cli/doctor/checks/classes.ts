import { hasWildcard } from "#shared/certificates";
import { gatewayName } from "#shared/gateway";
import { gatewayProblems, lookForGateway, unready } from "../../install/gateway.ts";
import { checkIngress, checkStorage, type Problem } from "../../install/preflight.ts";
import type { World } from "../check.ts";
import { type Finding, ok, problem } from "../finding.ts";

/** Whether Ingresses have a controller's class, or the Gateway that is used instead serves davit. */
export async function lookAtIngressClass({ kube, options, plan }: World): Promise<Finding[]> {
  if (options.gateway) {
    const called = `the ${gatewayName(options.gateway)}`;
    const { gateway } = await lookForGateway(kube, options.gateway);
    const problems = gatewayProblems(options, gateway, hasWildcard(plan));
    const why = problems.length > 0 ? undefined : unready(gateway, options.domain);
    if (why !== undefined) return [problem(`${called} cannot serve davit: ${why}`, "`davit install` makes what it needs of davit's")];
    return verdict(problems, `${called} serves davit's certificate to routes of all namespaces`);
  }
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
