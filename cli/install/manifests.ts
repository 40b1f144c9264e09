import type { KubeObject } from "#shared/kube/objects";
import agent from "../../manifests/agent.yaml" with { type: "text" };
import certManager from "../../manifests/cert-manager.yaml" with { type: "text" };
import crds from "../../manifests/crds.yaml" with { type: "text" };
import gateway from "../../manifests/gateway.yaml" with { type: "text" };
import namespaces from "../../manifests/namespaces.yaml" with { type: "text" };
import networkPolicies from "../../manifests/network-policies.yaml" with { type: "text" };
import nodeTrust from "../../manifests/node-trust.yaml" with { type: "text" };
import rbac from "../../manifests/rbac.yaml" with { type: "text" };
import registry from "../../manifests/registry.yaml" with { type: "text" };
import registryNodeport from "../../manifests/registry-nodeport.yaml" with { type: "text" };
import registryPublic from "../../manifests/registry-public.yaml" with { type: "text" };
import s3 from "../../manifests/s3.yaml" with { type: "text" };

const TEXTS = {
  namespaces,
  crds,
  rbac,
  networkPolicies,
  certManager,
  gateway,
  s3,
  registry,
  registryNodeport,
  registryPublic,
  nodeTrust,
  agent,
} as const;

/** The objects of one file under manifests/, anew for each call. */
export function manifest(name: keyof typeof TEXTS): KubeObject[] {
  return [Bun.YAML.parse(String(TEXTS[name]))].flat() as KubeObject[];
}

/** The objects of every file. */
export function allManifests(): KubeObject[] {
  return (Object.keys(TEXTS) as (keyof typeof TEXTS)[]).flatMap(manifest);
}
