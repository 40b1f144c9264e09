import type { Config } from "./config.ts";
import { STAGE_PATHS } from "./objects/staging.ts";

/** Variables by which tools trust more than they do by themselves. */
const MORE = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];
/** Variables by which tools trust what is in a file, and nothing else. */
const ALL = [
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  "REQUESTS_CA_BUNDLE",
  "PIP_CERT",
  "GIT_SSL_CAINFO",
  "CARGO_HTTP_CAINFO",
  "AWS_CA_BUNDLE",
  "YARN_HTTPS_CA_FILE_PATH",
  "npm_config_cafile",
];

/** What kaniko, and a Dockerfile's RUN, find in their environment so that they trust whom the admin trusts. */
export function buildEnvironment({ extraCas }: Pick<Config, "extraCas">): Record<string, string> {
  if (!extraCas) return {};
  const paths = (names: string[], file: string) => names.map((name) => [name, `${STAGE_PATHS.trust}/${file}`]);
  return Object.fromEntries([...paths(MORE, "extra.crt"), ...paths(ALL, "public.crt")]);
}
