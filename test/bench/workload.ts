import { TLS_SECRET } from "#shared/certificates";
import type { V1Deployment, V1PodSpec } from "#shared/kube/objects";
import { kubeApply, kubectl, kubeGet } from "./commands.ts";

/** A workload of the bench's own, beside one of davit's. */
export interface Copy {
  name: string;
  namespace: string;
  url: string;
  image: string;
}

/** Runs what davit runs for `app`, but for its labels and image, at a URL of its own; waits until it is ready. */
export async function copyWorkload(app: string, { name, namespace, url, image }: Copy): Promise<void> {
  const { spec } = await kubeGet<V1Deployment>("-n", namespace, "deployment", app);
  const pod = structuredClone(spec?.template.spec) as V1PodSpec;
  const [container] = pod.containers;
  if (!container || !spec) throw new Error(`the app ${app} has no Deployment to copy`);
  container.image = image;
  const labels = { app: name };
  const metadata = { name, namespace, labels };
  const host = new URL(url).hostname;
  const port = { name: "http", port: 80, targetPort: "http" };
  const paths = [{ path: "/", pathType: "Prefix", backend: { service: { name, port: { name: "http" } } } }];
  await kubeApply(
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { replicas: 1, strategy: spec.strategy, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    { apiVersion: "v1", kind: "Service", metadata, spec: { selector: labels, ports: [port] } },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata,
      spec: { rules: [{ host, http: { paths } }], tls: [{ hosts: [host], secretName: TLS_SECRET.wildcard }] },
    },
  );
  await kubectl("-n", namespace, "rollout", "status", `deployment/${name}`, "--timeout=120s");
}
