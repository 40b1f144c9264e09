import type { V1Deployment, V1Ingress, V1Service } from "#shared/kube/objects";
import { appLabels, LABEL, ownedBy, PULL_SECRET } from "./meta.ts";
import type { App, Revision } from "./types.ts";

/** How long a Pod that is being replaced still answers, so that every ingress has stopped sending to it first. */
const DRAIN_SECONDS = 5;

/** The Deployment that runs `image` as `revision` wants it. Never less than the wanted instances answer during a rollout. */
export function deployment(app: App, revision: Revision, image: string): V1Deployment {
  const { settings, envSecret, number } = revision.spec;
  const labels = appLabels(app.metadata.name);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: app.metadata.name, namespace: app.metadata.namespace, labels, ownerReferences: ownedBy(app) },
    spec: {
      replicas: settings.instances,
      revisionHistoryLimit: 2,
      selector: { matchLabels: { [LABEL.app]: app.metadata.name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "100%" } },
      template: {
        metadata: { labels: { ...labels, [LABEL.revision]: String(number) } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          imagePullSecrets: [{ name: PULL_SECRET }],
          securityContext: { seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "app",
              image,
              env: [{ name: "PORT", value: String(settings.port) }],
              envFrom: [{ secretRef: { name: envSecret } }],
              ports: [{ name: "http", containerPort: settings.port }],
              readinessProbe: { tcpSocket: { port: settings.port }, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 3 },
              lifecycle: { preStop: { sleep: { seconds: DRAIN_SECONDS } } },
              resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "1Gi" } },
              securityContext: { allowPrivilegeEscalation: false },
            },
          ],
        },
      },
    },
  };
}

export function service(app: App, port: number): V1Service {
  const labels = appLabels(app.metadata.name);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: app.metadata.name, namespace: app.metadata.namespace, labels, ownerReferences: ownedBy(app) },
    spec: { selector: { [LABEL.app]: app.metadata.name }, ports: [{ name: "http", port: 80, targetPort: port, protocol: "TCP" }] },
  };
}

/** One Ingress for all routes of an app; nothing in it is for a certain controller. */
export function ingress(app: App, routes: readonly string[], ingressClass: string): V1Ingress {
  const labels = appLabels(app.metadata.name);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: app.metadata.name, namespace: app.metadata.namespace, labels, ownerReferences: ownedBy(app) },
    spec: {
      ...(ingressClass ? { ingressClassName: ingressClass } : {}),
      rules: routes.map((route) => {
        const { host, path } = splitRoute(route);
        return {
          host,
          http: { paths: [{ path, pathType: "Prefix", backend: { service: { name: app.metadata.name, port: { name: "http" } } } }] },
        };
      }),
    },
  };
}

export function splitRoute(route: string): { host: string; path: string } {
  const cut = route.indexOf("/");
  return cut < 0 ? { host: route, path: "/" } : { host: route.slice(0, cut), path: route.slice(cut) };
}
