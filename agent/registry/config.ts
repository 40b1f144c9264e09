import { z } from "zod";

/** The gate's environment; manifests/registry.yaml sets what is not a default. */
const Environment = z.object({
  /** Empty: every address, of both families where there are two. */
  DAVIT_GATE_HOST: z.string().default(""),
  DAVIT_GATE_PORT: z.coerce.number<string>().int().min(0).max(65535).default(5000),
  /** Where nodes pull in clear, through their own loopback or an ingress that ends TLS; empty: nowhere. */
  DAVIT_GATE_PULLS_PORT: z.union([z.literal(""), z.coerce.number<string>().int().min(0).max(65535)]).default(""),
  /** Distribution, which listens on loopback only: the gate is the one way in. */
  DAVIT_GATE_UPSTREAM: z.url().default("http://127.0.0.1:5055"),
  /** tls.crt and tls.key, as a Secret of type kubernetes.io/tls is mounted. */
  DAVIT_GATE_TLS: z.string().default("/etc/davit/tls"),
  /** The keys of credentials, as the Secret davit-registry-key is mounted. */
  DAVIT_GATE_KEYS: z.string().default("/etc/davit/registry-key"),
  /** The key of tokens, which `davit agent token-key` made. */
  DAVIT_GATE_TOKEN_KEY: z.string().default("/etc/davit/token-key"),
  /** Distribution's root directory, on the volume that both have. */
  DAVIT_GATE_STORAGE: z.string().default("/data"),
});

export interface GateConfig {
  host: string;
  port: number;
  pullsPort: number | undefined;
  upstream: string;
  tlsFolder: string;
  keysFolder: string;
  tokenKeyFolder: string;
  storage: string;
}

/** @throws ZodError naming the variable */
export function readGateConfig(env: Record<string, string | undefined>): GateConfig {
  const values = Environment.parse(env);
  return {
    host: values.DAVIT_GATE_HOST,
    port: values.DAVIT_GATE_PORT,
    pullsPort: values.DAVIT_GATE_PULLS_PORT === "" ? undefined : values.DAVIT_GATE_PULLS_PORT,
    upstream: values.DAVIT_GATE_UPSTREAM,
    tlsFolder: values.DAVIT_GATE_TLS,
    keysFolder: values.DAVIT_GATE_KEYS,
    tokenKeyFolder: values.DAVIT_GATE_TOKEN_KEY,
    storage: values.DAVIT_GATE_STORAGE,
  };
}
