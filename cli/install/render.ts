import type { KubeObject } from "#shared/kube/objects";
import { nameOf } from "./apply.ts";
import { LEAFS, MADE_ONCE } from "./made.ts";

/** The objects as YAML documents, for `--dry-run`. Secrets are named, never shown: they are made when it is meant. */
export function renderYaml(objects: KubeObject[]): string {
  const notes = [...MADE_ONCE, ...LEAFS].map((name) => `# Secret davit/${name}: made by \`davit install\`, kept if it is there`);
  const others = [
    "# ConfigMap davit-trust in davit, davit-staging and davit-node: the CA's certificate",
    "# ConfigMap davit/davit-registry-jwks: the public half of davit-registry-key",
  ];
  const documents = objects.map((object) => `# ${nameOf(object)}\n${Bun.YAML.stringify(object, null, 2)}\n`);
  return [...notes, ...others, ""].join("\n") + documents.map((text) => `---\n${text}`).join("");
}
