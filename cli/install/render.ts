import type { KubeObject } from "#shared/kube/objects";
import { nameOf } from "./apply.ts";
import { madeSecrets } from "./made.ts";
import type { InstallOptions } from "./options.ts";

/** The objects as YAML documents, for `--dry-run`. Secrets are named, never shown: they are made when it is meant. */
export function renderYaml(objects: KubeObject[], options: InstallOptions): string {
  const notes = madeSecrets(options).map((name) => `# Secret davit/${name}: made by \`davit install\`, kept if it is there`);
  const others = [
    "# ConfigMap davit-trust in davit, davit-staging and davit-node: the certificates of the CAs that vouch for davit, the S3 store and the registry",
  ];
  const documents = objects.map((object) => `# ${nameOf(object)}\n${Bun.YAML.stringify(object, null, 2)}\n`);
  return [...notes, ...others, ""].join("\n") + documents.map((text) => `---\n${text}`).join("");
}
