import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TLS_SECRET } from "#shared/certificates";
import type { Kube } from "#shared/kube/client";
import type { V1Ingress, V1Secret } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { Secret } from "#shared/secret";
import { certificatesIn, fingerprintOf, namesOf } from "#shared/tls/certificate";
import { newLeaf } from "#shared/tls/signing";
import { appFiles, davit, folder, kube, kubectl, push, type TestTenant, tenant } from "#test/lab";
import { load } from "#test/load";
import { door } from "#test/member";
import { poll } from "#test/poll";
import { rememberCa } from "#test/remember-ca";
import { servedFor } from "#test/served";
import { withoutCertManager } from "#test/without-cert-manager";

/* Certificates of davit's own CA, as the installation has them made, and as the agent makes them by itself. */

const SECRET = { apiVersion: "v1", kind: "Secret" };
/** The certificate of a TLS Secret. */
const shown = (secret: V1Secret | undefined) => certificatesIn(Buffer.from(secret?.data?.["tls.crt"] ?? "", "base64").toString())[0];
const DAY_MS = 86_400_000;

/** What somebody who trusts davit's CA sees of a host. */
async function seen(host: string) {
  const { certificate, problem } = await servedFor(host);
  return { problem, fingerprint: certificate && fingerprintOf(certificate), names: certificate ? namesOf(certificate) : [] };
}

/** Waits until the Secret's certificate is another one. */
async function replaced(api: Kube, namespace: string, name: string, before: string): Promise<string> {
  const pick = (secret: V1Secret | undefined) => {
    const certificate = shown(secret);
    return certificate && fingerprintOf(certificate) !== before ? fingerprintOf(certificate) : undefined;
  };
  return await waitFor(api, { ...SECRET, namespace, name }, pick, AbortSignal.timeout(30_000));
}

async function fingerprint(api: Kube, namespace: string, name: string): Promise<string> {
  const certificate = shown(await api.get<V1Secret>({ ...SECRET, namespace, name }));
  return certificate ? fingerprintOf(certificate) : "none";
}

test("an app's hosts are served over TLS: those below the domain with one certificate, another with its own", async () => {
  const api = await kube();
  await using space = await tenant("tls");
  using source = folder(appFiles("safe"));
  const name = space.app("shop");
  const own = `${name}.example.com`;
  const first = await push(source.path, ["--name", name, "-n", space.name]);
  const { hostname: host } = new URL(first.url ?? "");
  expect(await (await fetch(first.url ?? "")).text()).toBe("safe");
  const wildcard = await seen(host);
  expect(wildcard).toMatchObject({ problem: undefined, names: [expect.stringMatching(/^\*\./)] });

  const both = await davit(["app", "update", name, "-n", space.name, "--route", own, "--route", host, "-o", "json"]);
  const { outcome, url } = JSON.parse(both.stdout);
  expect([outcome, new URL(url).hostname]).toEqual(["live", own]);
  expect(await seen(own)).toMatchObject({ problem: undefined, names: [own] });
  expect(await seen(host)).toEqual(wildcard);
  const shop = await api.get<V1Secret>({ ...SECRET, namespace: space.name, name: `tls-${own}` });
  expect(shop?.metadata?.ownerReferences).toMatchObject([{ kind: "App", name }]);

  // A host that has gone takes its entry along.
  await davit(["app", "update", name, "-n", space.name, "--route", host]);
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", namespace: space.name, name };
  const entries = ({ spec }: V1Ingress) => (spec?.tls?.length === 1 ? spec.tls : undefined);
  expect(await waitFor(api, ingress, (found?: V1Ingress) => found && entries(found), AbortSignal.timeout(30_000))).toEqual([
    { hosts: [host], secretName: TLS_SECRET.wildcard },
  ]);
}, 120_000);

describe("without cert-manager", () => {
  const SIGNED = ["agent", "agentInside", "s3", "registry", "wildcard"] as const;
  const PLAN = "DAVIT_CERTIFICATES";
  const planned = [
    "-n",
    "davit",
    "get",
    "deployment",
    "davit-agent",
    "-o",
    `jsonpath={.spec.template.spec.containers[0].env[?(@.name=="${PLAN}")].value}`,
  ];
  const plan = async (value: string) => {
    await kubectl("-n", "davit", "set", "env", "deployment/davit-agent", `${PLAN}=${value}`);
    await kubectl("-n", "davit", "rollout", "status", "deployment/davit-agent", "--timeout=120s");
  };
  const resources = new AsyncDisposableStack();
  let before = "";
  let space: TestTenant;
  let url = "";

  beforeAll(async () => {
    before = await kubectl(...planned);
    resources.defer(() => plan(before));
    await plan('{"inside":"agent","outside":{"by":"davit-ca"}}');
    if (before.includes("cert-manager"))
      await kubectl("-n", "davit", "delete", "certificates.cert-manager.io", "-l", "app.kubernetes.io/managed-by=davit");
    space = resources.use(await tenant("sign"));
    using source = folder(appFiles("always"));
    url = (await push(source.path, ["--name", space.app("shop"), "-n", space.name])).url ?? "";
  }, 180_000);

  afterAll(() => resources.disposeAsync(), 180_000);

  test.each(SIGNED)("the certificate of '%s' is made anew when its Secret is deleted or edited", async (of) => {
    const api = await kube();
    const metadata = { namespace: "davit", name: TLS_SECRET[of] };
    const first = await fingerprint(api, metadata.namespace, metadata.name);
    await api.remove({ ...SECRET, ...metadata });
    const second = await replaced(api, metadata.namespace, metadata.name, first);
    await api.apply<V1Secret>({ ...SECRET, metadata, data: { "tls.key": btoa("no key") } });
    await replaced(api, metadata.namespace, metadata.name, second);
  });

  test("a certificate that is nearly over is made anew, and whoever asks meanwhile is always answered", async () => {
    const api = await kube();
    const { hostname: host } = new URL(url);
    const ca = await api.get<V1Secret>({ ...SECRET, namespace: "davit", name: "davit-ca" });
    const text = (name: string) => Buffer.from(ca?.data?.[name] ?? "", "base64").toString();
    const authority = { certificate: text("tls.crt"), key: new Secret(text("tls.key")) };
    const names = (await seen(host)).names;
    const old = await newLeaf(authority, { names }, new Date(Date.now() - 80 * DAY_MS));
    const asking = poll(url);
    const data = { "tls.crt": btoa(old.certificate), "tls.key": btoa(old.key.reveal()), "ca.crt": btoa(authority.certificate) };
    await api.apply<V1Secret>({ ...SECRET, metadata: { namespace: "davit", name: TLS_SECRET.wildcard }, type: "kubernetes.io/tls", data });
    const [leaf] = certificatesIn(old.certificate);
    const renewed = await replaced(api, "davit", TLS_SECRET.wildcard, leaf ? fingerprintOf(leaf) : "");
    const copied = (copy: V1Secret | undefined) => {
      const certificate = shown(copy);
      return certificate && fingerprintOf(certificate) === renewed ? true : undefined;
    };
    await waitFor(api, { ...SECRET, namespace: space.name, name: TLS_SECRET.wildcard }, copied, AbortSignal.timeout(30_000));
    for (const end = Date.now() + 30_000; (await seen(host)).fingerprint !== renewed && Date.now() < end; ) await Bun.sleep(50);
    expect((await seen(host)).fingerprint).toBe(renewed);
    await asking.stop();
    expect([...new Set(asking.answers)]).toEqual(["always"]);
  }, 120_000);

  /** What is not signed by the CA that there is. */
  async function unsigned(): Promise<string[]> {
    const api = await kube();
    const read = async (name: string) => shown(await api.get<V1Secret>({ ...SECRET, namespace: "davit", name }));
    const ca = await read("davit-ca");
    const leafs = await Promise.all(SIGNED.map(async (of) => ({ of, leaf: await read(TLS_SECRET[of]) })));
    return leafs.flatMap(({ of, leaf }) => (ca && leaf?.verify(ca.publicKey) ? [] : [of]));
  }

  test("davit rotate ca: the agent signs everything anew, and once more under the CA from before, and whoever asks is always answered", async () => {
    await using way = await withoutCertManager();
    await using requests = load(100, async () => {
      const answer = await fetch(url, { tls: { ca: (await door()).ca }, keepalive: false });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
    });
    const rotate = async () => {
      const { code, stdout, stderr } = await davit(["rotate", "ca", "-o", "json"], { env: way.env });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return JSON.parse(stdout) as { ca: string; before: string };
    };
    const bringBack = await rememberCa();
    const rotated = await rotate();
    expect(JSON.parse(await kubectl(...planned))).toMatchObject({ inside: "agent" });
    expect([rotated.ca, await unsigned()]).toEqual([await fingerprint(await kube(), "davit", "davit-ca"), []]);
    await bringBack();
    expect(await rotate()).toEqual({ ca: rotated.before, before: rotated.ca });
    expect(await unsigned()).toEqual([]);
    expect(requests.failures).toEqual([]);
  }, 180_000);
});
