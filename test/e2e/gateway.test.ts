import { afterAll, expect } from "bun:test";
import { HTTP_ROUTE, type HttpRoute } from "#shared/gateway";
import { installAgain, installedWith } from "#test/installed-with";
import { appFiles, davit, folder, kube, kubectl, push, server, tenant } from "#test/lab";
import { labTest, onLab } from "#test/lab-test";
import { poll } from "#test/poll";

/* Requests come through a Gateway of the Gateway API instead of the ingress, for a while. */

const GATEWAY = "kube-system/traefik";

afterAll(async () => {
  if (onLab && (await left("httproutes")) !== "") await installAgain("--gateway", "");
}, 180_000);

/** davit's objects of these kinds, in all namespaces. */
async function left(kinds: string): Promise<string> {
  return await kubectl("get", kinds, "--all-namespaces", "-l", "app.kubernetes.io/managed-by=davit", "-o", "name");
}

labTest("a Gateway that cannot serve davit is refused before anything is changed, with what mends it", async () => {
  const before = await kubectl("-n", "davit", "get", "configmap,deployment,ingress", "-o", "jsonpath={.items[*].metadata.resourceVersion}");
  const { flags } = await installedWith();
  const install = async (...more: string[]) => {
    const { code, stderr } = await davit(["install", ...flags, ...more, "--yes"]);
    expect(code).toBe(29);
    return stderr;
  };
  expect(await install("--gateway", "kube-system/other")).toMatch(/Gateway kube-system\/other is not there\s+fix: .*kubectl get gateways/);
  expect(await install("--gateway", GATEWAY, "--issuer", "acme")).toMatch(/every host a certificate of its own\s+fix: .*private-ca/);
  expect(await kubectl("-n", "davit", "get", "configmap,deployment,ingress", "-o", "jsonpath={.items[*].metadata.resourceVersion}")).toBe(before);
});

labTest(
  "apps and the agent move to a Gateway and back while an app answers and is pushed, and nothing of the other way stays",
  async () => {
    const api = await kube();
    await using space = await tenant("gateway");
    using source = folder(appFiles("one"));
    const name = space.app("shop");
    const args = ["--name", name, "-n", space.name];
    const domain = new URL(`https://${process.env.DAVIT_DOMAIN}`);
    const [host, own] = [`${name}.${domain.hostname}`, `${name}.example.com`];
    const first = await push(source.path, [...args, "--route", host, "--route", `${host}/api`, "--route", own]);
    const asking = poll(first.url ?? "");

    await installAgain("--gateway", GATEWAY);
    expect(await left("ingresses")).toBe("");
    const routes = await api.list<HttpRoute>({ ...HTTP_ROUTE, namespace: space.name });
    expect(routes.map(({ spec }) => [spec?.hostnames, spec?.rules?.[0]?.matches?.map(({ path }) => path?.value)]).sort()).toEqual(
      [
        [[host], ["/", "/api"]],
        [[own], ["/"]],
      ].sort(),
    );
    expect((await fetch(`https://davit.${domain.host}/healthz`)).status).toBe(200);

    const looked = await davit(["doctor", ...["cli-agent", "rights", "ingress-class"].flatMap((check) => ["--only", check])]);
    expect([looked.code, looked.stdout]).toEqual([0, expect.stringContaining(`the Gateway ${GATEWAY} serves davit's certificate`)]);

    source.write({ "server.ts": server("two") });
    expect(await push(source.path, args)).toMatchObject({ outcome: "live", url: first.url });
    const { certificates } = JSON.parse((await davit(["app", "show", name, "-n", space.name, "-o", "json"])).stdout);
    // The Gateway's own listeners have to know a host that is not below the domain.
    expect(certificates).toEqual([
      { host, reason: null, issuer: expect.stringContaining("davit"), notAfter: expect.any(String) },
      { host: own, reason: expect.stringContaining("not below the domain"), issuer: null, notAfter: null },
    ]);
    const other = space.app("blog");
    expect(await push(source.path, ["--name", other, "-n", space.name])).toMatchObject({ outcome: "live" });
    await davit(["app", "delete", other, "-n", space.name, "--yes"]);
    expect((await api.list(HTTP_ROUTE)).map(({ metadata }) => metadata?.name).sort()).toEqual(
      ["davit-agent", `${name}.${host}`, `${name}.${own}`].sort(),
    );

    await installAgain("--gateway", "");
    expect(await left("httproutes,referencegrants")).toBe("");
    source.write({ "server.ts": server("three") });
    expect(await push(source.path, args)).toMatchObject({ outcome: "live", url: first.url });
    await asking.stop();
    expect([...new Set(asking.answers)]).toEqual(["one", "two", "three"]);
  },
  240_000,
);
