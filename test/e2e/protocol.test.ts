import { expect, test } from "bun:test";
import type { FaultCode } from "#shared/fault";
import { attack } from "#test/hostile";

type Asked = Parameters<Parameters<Parameters<typeof attack>[1]>[0]["raw"]>;

test("requests that no davit would make get a fault for an answer, and the agent stays as it was", async () => {
  await attack("wire", async ({ raw }, { name: namespace, app }) => {
    const here = `/v1/namespaces/${namespace}`;
    const json = { "content-type": "application/json" };
    const zstd = { ...json, "content-encoding": "zstd" };
    const body = (text: string) => Bun.zstdCompressSync(text) as Uint8Array<ArrayBuffer>;
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const entries = JSON.stringify({ tree: "0".repeat(64), entries: Array.from({ length: 200_001 }, () => ({ kind: "directory", path: "a" })) });
    const cases: Record<string, [Asked, FaultCode]> = {
      "another protocol": [["GET", "/v1/whoami", { headers: { "davit-protocol": "2" } }], "version_skew"],
      "no protocol at all": [["GET", "/v1/whoami", { headers: { "davit-protocol": "" } }], "version_skew"],
      "a path of nobody": [["GET", "/v1/secrets"], "usage"],
      "the top": [["GET", "/"], "usage"],
      "a method of nobody": [["PUT", "/v1/whoami"], "usage"],
      "a name in capitals": [["GET", "/v1/namespaces/Shop/apps"], "usage"],
      "a name with a slash": [["GET", `${here}/apps/a%2F..%2Fb`], "usage"],
      "a name that climbs": [["GET", `${here}/apps/%2E%2E%2F%2E%2E%2Fkube-system`], "usage"],
      "a name with a NUL": [["GET", `${here}/apps/a%00b`], "usage"],
      "a name that is half a character": [["GET", `${here}/apps/%E0%A4`], "usage"],
      "a name of 10,000 letters": [["GET", `${here}/apps/${"a".repeat(10_000)}`], "usage"],
      "a selector for a name": [["GET", `${here}/apps/a%2Cb%3Dc`], "usage"],
      "a revision that is no number": [["GET", `${here}/apps/a/revisions/latest/events`], "usage"],
      "a revision below one": [["GET", `${here}/apps/a/revisions/0/events`], "usage"],
      "events from before the first": [["GET", `${here}/apps/a/revisions/1/events?after=-1`], "usage"],
      "a tail of a billion": [["GET", `${here}/apps/a/logs?tail=1000000000`], "usage"],
      "no JSON": [["POST", `${here}/sources`, { headers: json, body: "{" }], "usage"],
      "no body": [["POST", `${here}/sources`, { headers: json }], "usage"],
      "JSON of another shape": [["POST", `${here}/sources`, { headers: json, body: '"tree"' }], "usage"],
      "no zstd": [["POST", `${here}/sources`, { headers: zstd, body: "{}" }], "usage"],
      "a zstd bomb": [["POST", `${here}/sources`, { headers: zstd, body: body(" ".repeat(512 << 20)) }], "usage"],
      "a hundred thousand brackets": [["POST", `${here}/sources`, { headers: json, body: nested }], "usage"],
      "more entries than a tree may have": [["POST", `${here}/sources`, { headers: zstd, body: body(entries) }], "usage"],
      "a prototype to pollute": [["POST", `${here}/apps/a/plan`, { headers: json, body: '{"env":{"a b":"c"},"__proto__":{"x":1}}' }], "usage"],
      "an app that does not exist": [["GET", `${here}/apps/${app("none")}`], "app_not_found"],
      "a namespace of Kubernetes' own": [["GET", "/v1/namespaces/kube-system/apps"], "forbidden"],
      "davit's own namespace": [["POST", "/v1/namespaces/davit/apps/agent/plan", { headers: json, body: "{}" }], "forbidden"],
      "a token that is none": [["GET", "/v1/whoami", { headers: { authorization: "Bearer x" } }], "token_rejected"],
      "no token": [["GET", "/v1/whoami", { headers: { authorization: "Basic eDp5" } }], "not_logged_in"],
    };
    const answers: Record<string, string> = {};
    for (const [name, [asked]] of Object.entries(cases)) {
      const response = await raw(...asked);
      const text = await response.text();
      answers[name] = /^\{"fault":\{"code":"(\w+)"/.exec(text)?.[1] ?? `${response.status} ${text.slice(0, 200)}`;
    }
    expect(answers).toEqual(Object.fromEntries(Object.entries(cases).map(([name, [, code]]) => [name, code])));
    // So much that it is not even read: whoever sends it is cut off or told so, and nobody else notices.
    const flood = await raw("POST", `${here}/sources`, { headers: json, body: new Uint8Array(200 << 20) }).catch((error) => String(error));
    // The agent answers 413 and hangs up; an ingress that is still sending makes 502 of that.
    expect([413, 502]).toContain(typeof flood === "string" ? 413 : flood.status);
    expect((await raw("GET", "/v1/whoami")).status).toBe(200);
  });
}, 120_000);
