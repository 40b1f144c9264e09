import type { Kube } from "#shared/kube/client";
import type { V1Service } from "#shared/kube/objects";

/** A domain that leads to the ingress without any DNS of one's own: the address of a load balancer that serves port 80, under sslip.io. */
export async function suggestDomain(kube: Kube): Promise<string | undefined> {
  const services = await kube.list<V1Service>({ apiVersion: "v1", kind: "Service" });
  return domainFor(services);
}

export function domainFor(services: V1Service[]): string | undefined {
  const web = services.filter((service) => service.spec?.type === "LoadBalancer" && service.spec.ports?.some((port) => port.port === 80));
  const address = web.flatMap((service) => service.status?.loadBalancer?.ingress ?? []).find((ingress) => ingress.ip)?.ip;
  if (!address) return undefined;
  return `${address.includes(":") ? address.replaceAll(":", "-") : address}.sslip.io`;
}
