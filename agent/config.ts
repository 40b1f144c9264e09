import { readFile } from "node:fs/promises";
import { z } from "zod";
import { Secret } from "#shared/secret";
import { type RegistryKey, readRegistryKey } from "./registry/key.ts";

const FILES = "/etc/davit";

/** The agent's environment, each variable with its reason; manifests/agent.yaml sets them. */
const Environment = z.object({
  /** Apps get `<name>.<domain>`; a port is for lab clusters and shows only in printed URLs. */
  DAVIT_DOMAIN: z.string().min(1),
  /** What printed URLs start with. */
  DAVIT_APP_SCHEME: z.enum(["http", "https"]).default("http"),
  /** Empty: the cluster's default class. */
  DAVIT_INGRESS_CLASS: z.string().default(""),
  /** Empty: the cluster's default class. */
  DAVIT_STORAGE_CLASS: z.string().default(""),
  /** The image this process runs from: staging Pods run it too, so both always have one version. */
  DAVIT_AGENT_IMAGE: z.string().min(1),
  DAVIT_KANIKO_IMAGE: z.string().min(1),
  /** `docker.io=http://mirror:5000,…`: where builds look for base images instead. */
  DAVIT_REGISTRY_MIRRORS: z.string().default(""),
  DAVIT_S3_ENDPOINT: z.url(),
  DAVIT_S3_BUCKET: z.string().default("davit"),
  /** host:port, the same for builds and nodes. */
  DAVIT_REGISTRY: z.string().min(1),
  /** Of each app, so many revisions that were live, and so many that were not, outlive the newest (docs/gc.md). */
  DAVIT_KEEP_REVISIONS: z.coerce.number<string>().int().min(1).default(10),
  DAVIT_PORT: z.coerce.number<string>().default(8080),
  /** The same API for fetch Jobs, which reach the agent without an ingress: it ends TLS itself here. */
  DAVIT_TLS_PORT: z.coerce.number<string>().default(8443),
});

export interface Config {
  domain: { host: string; port: string };
  scheme: "http" | "https";
  ingressClass: string;
  storageClass: string;
  agentImage: string;
  kanikoImage: string;
  mirrors: { registry: string; url: URL }[];
  s3: { endpoint: URL; bucket: string; accessKey: Secret; secretKey: Secret };
  registry: string;
  keepRevisions: number;
  /** PEM of the CA that signed the certificates of S3 and the registry. */
  ca: string;
  registryKey: RegistryKey;
  port: number;
  tls: { port: number; cert: string; key: Secret };
}

/** Reads everything the agent is configured by, once. @throws ZodError naming the variable */
export async function readConfig(env: Record<string, string | undefined>): Promise<Config> {
  const values = Environment.parse(env);
  const [accessKey, secretKey, ca, cert, key] = await Promise.all(
    ["s3/accessKey", "s3/secretKey", "trust/ca.crt", "tls/tls.crt", "tls/tls.key"].map((file) => readFile(`${FILES}/${file}`, "utf8")),
  );
  const [host = "", port = ""] = values.DAVIT_DOMAIN.split(":");
  return {
    domain: { host, port },
    scheme: values.DAVIT_APP_SCHEME,
    ingressClass: values.DAVIT_INGRESS_CLASS,
    storageClass: values.DAVIT_STORAGE_CLASS,
    agentImage: values.DAVIT_AGENT_IMAGE,
    kanikoImage: values.DAVIT_KANIKO_IMAGE,
    mirrors: parseMirrors(values.DAVIT_REGISTRY_MIRRORS),
    s3: {
      endpoint: new URL(values.DAVIT_S3_ENDPOINT),
      bucket: values.DAVIT_S3_BUCKET,
      accessKey: new Secret((accessKey ?? "").trim()),
      secretKey: new Secret((secretKey ?? "").trim()),
    },
    registry: values.DAVIT_REGISTRY,
    keepRevisions: values.DAVIT_KEEP_REVISIONS,
    ca: ca ?? "",
    registryKey: await readRegistryKey(`${FILES}/registry-key/private.jwk.json`),
    port: values.DAVIT_PORT,
    tls: { port: values.DAVIT_TLS_PORT, cert: cert ?? "", key: new Secret(key ?? "") },
  };
}

function parseMirrors(text: string): { registry: string; url: URL }[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const cut = part.indexOf("=");
      return { registry: part.slice(0, cut), url: new URL(part.slice(cut + 1)) };
    });
}
