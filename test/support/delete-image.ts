import type { V1Secret } from "#shared/kube/objects";
import { mintAgentCredential } from "#shared/registry/credential";
import { registryKeyOf } from "#shared/registry/key";
import { Secret } from "#shared/secret";
import { davit, kube } from "#test/lab";

/** Asks for a token, then deletes; run in a Pod, because the registry is reached from inside the cluster only. */
const SCRIPT = `const [registry, name, digest, password] = process.argv.slice(1);
const ca = (await new Response(Bun.stdin.stream()).text());
const scope = encodeURIComponent("repository:" + name + ":delete");
const basic = { headers: { authorization: "Basic " + btoa("agent:" + password) }, tls: { ca } };
const { token } = await (await fetch("https://" + registry + "/auth/token?service=registry&scope=" + scope, basic)).json();
const bearer = { method: "DELETE", headers: { authorization: "Bearer " + token }, tls: { ca } };
console.log((await fetch("https://" + registry + "/v2/" + name + "/manifests/" + digest, bearer)).status);`;

/** Takes an image out of the registry, from within an app that has Bun. @throws Error when the registry does not do it */
export async function deleteImage(image: string, app: string, namespace: string): Promise<void> {
  const api = await kube();
  const secret = await api.get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-registry-key" });
  const trust = await api.json<{ data: Record<string, string> }>("/api/v1/namespaces/davit/configmaps/davit-trust");
  const key = await registryKeyOf(new Secret(atob(secret?.data?.["private.jwk.json"] ?? "")));
  const [, registry = "", name = "", digest = ""] = /^([^/]+)\/(.+)@(.+)$/.exec(image) ?? [];
  const password = await mintAgentCredential(key, { ttlSeconds: 60, access: [{ repository: name, actions: ["delete"] }] });
  const command = ["bun", "-e", SCRIPT, registry, name, digest, password.reveal()];
  const done = await davit(["app", "exec", app, "-n", namespace, "--", ...command], { stdin: trust.data["ca.crt"] ?? "" });
  if (done.stdout !== "202\n") throw new Error(`the image was not deleted: ${done.stdout}${done.stderr}`);
}
