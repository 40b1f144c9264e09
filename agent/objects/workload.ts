import type { V1Deployment, V1EnvFromSource, V1Ingress, V1Service } from "#shared/kube/objects";
import { variablePrefix } from "./configuration.ts";
import { appLabels, configurationSecret, LABEL, ownedBy, PULL_SECRET, variablesSecret } from "./meta.ts";
import { splitRoute } from "./route.ts";
import type { App, AppSettings, Revision } from "./types.ts";

/** How long a Pod that is being replaced still answers, so that every ingress has stopped sending to it first. */
const DRAIN_SECONDS = 5;

/** Of an app's Service. */
export const SERVICE_PORT = 80;

/** What no app has a use for: packets of its own making, which could pretend to be a neighbour, and devices. */
const NEEDLESS = ["MKNOD", "NET_RAW"];

/**
 * The Deployment that runs `image` as `revision` wants it. Never less than the wanted instances answer during a rollout.
 * Many images start as root and become somebody else, so only a `confined` app has to do without that.
 */
export function deployment(app: App, revision: Revision, image: string, { confined }: { confined: boolean }): V1Deployment {
  const { settings, envSecret, pods } = revision.spec;
  const labels = appLabels(app.metadata.name);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: app.metadata.name, namespace: app.metadata.namespace, labels, ownerReferences: ownedBy(app) },
    spec: {
      replicas: replicasOf(settings),
      revisionHistoryLimit: 2,
      selector: { matchLabels: { [LABEL.app]: app.metadata.name } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "100%" } },
      template: {
        metadata: { labels: { ...labels, [LABEL.revision]: String(pods) } },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          imagePullSecrets: [{ name: PULL_SECRET }],
          securityContext: { ...(confined ? { runAsNonRoot: true } : {}), seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "app",
              image,
              // What a tag means may change; what a digest means does not.
              imagePullPolicy: isPinned(image) ? "IfNotPresent" : "Always",
              env: [{ name: "PORT", value: String(settings.port) }],
              // The last one wins, so an app can have its own value in the place of a configuration's.
              envFrom: [...settings.configurations.map(configurationEnv), { secretRef: { name: envSecret } }],
              ports: [{ name: "http", containerPort: settings.port }],
              readinessProbe: { tcpSocket: { port: settings.port }, periodSeconds: 1, timeoutSeconds: 2, failureThreshold: 3 },
              lifecycle: { preStop: { sleep: { seconds: DRAIN_SECONDS } } },
              resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "1Gi" } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: confined ? ["ALL"] : NEEDLESS } },
              volumeMounts: settings.configurations.map((name) => ({ name: volumeOf(name), mountPath: `/configurations/${name}`, readOnly: true })),
            },
          ],
          volumes: settings.configurations.map((name) => ({ name: volumeOf(name), secret: { secretName: configurationSecret(name) } })),
        },
      },
    },
  };
}

/** How many Pods are to run. */
export function replicasOf({ instances, stopped }: Pick<AppSettings, "instances" | "stopped">): number {
  return stopped ? 0 : instances;
}

/**
 * Not every value as a variable of its own: after a failed rollout, the Deployment from before has to be the same as
 * before, whatever was changed in the configuration meanwhile.
 */
function configurationEnv(name: string): V1EnvFromSource {
  return { prefix: variablePrefix(name), secretRef: { name: variablesSecret(name), optional: true } };
}

/** Whether an image is named by its digest, so that it is the same one wherever and whenever it is pulled. */
export function isPinned(image: string): boolean {
  return image.includes("@sha256:");
}

function volumeOf(configuration: string): string {
  return `configuration-${configuration}`;
}

export function service(app: App, port: number): V1Service {
  const labels = appLabels(app.metadata.name);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: app.metadata.name, namespace: app.metadata.namespace, labels, ownerReferences: ownedBy(app) },
    spec: { selector: { [LABEL.app]: app.metadata.name }, ports: [{ name: "http", port: SERVICE_PORT, targetPort: port, protocol: "TCP" }] },
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
