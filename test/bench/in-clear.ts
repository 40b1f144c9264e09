import type { V1Service } from "#shared/kube/objects";
import { kube, kubectl } from "#test/lab";

const NAMESPACE = "bench-clear";
const RESOURCES = { requests: { cpu: "50m", memory: "64Mi" } };
const REGISTRY_CONFIG = {
  version: "0.1",
  log: { level: "warn", accesslog: { disabled: true } },
  storage: { filesystem: { rootdirectory: "/data" }, delete: { enabled: true } },
  http: { addr: ":5000" },
};

interface ServerInClear {
  name: "s3" | "registry";
  port: number;
  image: string;
  args: string[];
  env: { name: string; value: string }[];
}

const SERVERS: readonly ServerInClear[] = [
  {
    name: "s3",
    port: 7070,
    image: "lab.local/versitygw:1",
    args: ["--port", ":7070", "--health", "/healthz", "--keep-alive", "--quiet", "posix", "/data"],
    env: [
      { name: "ROOT_ACCESS_KEY", value: "test" },
      { name: "ROOT_SECRET_KEY", value: "test-secret" },
    ],
  },
  {
    name: "registry",
    port: 5000,
    image: "lab.local/registry:1",
    args: ["serve", "/config/config.json"],
    env: [{ name: "OTEL_TRACES_EXPORTER", value: "none" }],
  },
];

/** The store and the registry that davit installs, in Pods of the cluster as there, but in clear, open to all and with no gate. Their URLs. */
export async function serversInClear(): Promise<{ s3: string; registry: string }> {
  const api = await kube();
  await api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const data = { "config.json": JSON.stringify(REGISTRY_CONFIG) };
  await api.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "config", namespace: NAMESPACE }, data } as object);
  const [s3, registry] = await Promise.all(SERVERS.map(serve));
  return { s3: s3 ?? "", registry: registry ?? "" };
}

async function serve({ name, port, image, args, env }: ServerInClear): Promise<string> {
  const api = await kube();
  const metadata = { name, namespace: NAMESPACE };
  const labels = { app: name };
  const container = { name, image, args, env, resources: RESOURCES, readinessProbe: { tcpSocket: { port }, periodSeconds: 2 } };
  const volumeMounts = [
    { name: "data", mountPath: "/data" },
    { name: "config", mountPath: "/config" },
    { name: "tmp", mountPath: "/tmp" },
  ];
  const volumes = [
    { name: "data", emptyDir: {} },
    { name: "config", configMap: { name: "config" } },
    { name: "tmp", emptyDir: {} },
  ];
  const template = { metadata: { labels }, spec: { containers: [{ ...container, volumeMounts }], volumes } };
  await api.apply({ apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { selector: { matchLabels: labels }, template } } as object);
  const made = await api.apply<V1Service>({ apiVersion: "v1", kind: "Service", metadata, spec: { selector: labels, ports: [{ port }] } });
  await kubectl("-n", NAMESPACE, "rollout", "status", `deployment/${name}`, "--timeout=60s");
  return `http://${made.spec?.clusterIP}:${port}`;
}
