import { afterAll, beforeAll, expect } from "bun:test";
import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { TLS_SECRET } from "#shared/certificates";
import type { V1Secret } from "#shared/kube/objects";
import { certificatesIn, factsOf } from "#shared/tls/certificate";
import { type KeyPair, newAuthority, newLeaf } from "#shared/tls/signing";
import { clusterIssuer } from "#test/cert-manager";
import { installAgain } from "#test/installed-with";
import { appFiles, davit, type Folder, folder, kube, kubectl, push, type TestTenant, tenant } from "#test/lab";
import { labTest, onLab } from "#test/lab-test";
import { ACME_DIRECTORY, pebble } from "#test/pebble";
import { type Poll, poll } from "#test/poll";
import { untilServed } from "#test/served";

/* One issuer takes over from another while an app serves, in the order of the tests, and whoever asks for it is always answered. */

const ISSUER = "davit-test";
let space: TestTenant;
let source: Folder;
let files: Folder;
let theirs: KeyPair;
let own: Record<string, string> = {};
let asking: Poll;
let host = "";
let args: string[] = [];

beforeAll(async () => {
  if (!onLab) return;
  theirs = await newAuthority();
  space = await tenant("issuers");
  source = folder(appFiles("always"));
  args = ["--name", space.app("shop"), "-n", space.name];
  const { url } = await push(source.path, args);
  host = new URL(url ?? "").hostname;
  const given = await newLeaf(theirs, { names: [`*.${host.slice(host.indexOf(".") + 1)}`] });
  own = await secretOf("davit-ca");
  files = folder({
    "own.crt": own["tls.crt"] ?? "",
    "own.key": own["tls.key"] ?? "",
    "acme.crt": (await pebble()).ca,
    "ca.crt": theirs.certificate,
    "ca.key": theirs.key.reveal(),
    "tls.crt": given.certificate,
    "tls.key": given.key.reveal(),
  });
  // Whom it trusts changes with each test; what it is shown, they look at themselves.
  asking = poll(url ?? "", { tls: { rejectUnauthorized: false } });
}, 120_000);

afterAll(async () => {
  if (!onLab) return;
  await asking.stop();
  // The CA from before, and as davit's own: this process, and every test after these, trusts no other.
  await installAgain("--issuer", "byo", "--ca-cert", file("own.crt"), "--ca-key", file("own.key"));
  await kubectl("-n", "davit", "annotate", "secret", "davit-ca", "davit.dev/given-");
  await installAgain("--issuer", "private-ca");
  expect((await secretOf("davit-ca"))["tls.crt"]).toBe(own["tls.crt"]);
  await kubectl("delete", "clusterissuer", ISSUER, "--ignore-not-found");
  await kubectl("-n", "cert-manager", "delete", "secret", ISSUER, "--ignore-not-found");
  files[Symbol.dispose]();
  source[Symbol.dispose]();
  await space[Symbol.asyncDispose]();
}, 240_000);

/** A Secret of davit's, in clear. */
async function secretOf(name: string): Promise<Record<string, string>> {
  const found = await (await kube()).get<V1Secret>({ apiVersion: "v1", kind: "Secret", namespace: "davit", name });
  return Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, value]) => [key, atob(value)]));
}

const file = (name: string) => join(files.path, name);
const issuer = (certificate: X509Certificate) => factsOf(certificate).issuer;

/** Changes the issuer, and waits until what it has issued is shown. */
async function change(flags: string[], fits: (certificate: X509Certificate) => boolean): Promise<void> {
  await installAgain("--issuer", ...flags);
  await untilServed(host, fits);
}

function signedBy(pem: string): (certificate: X509Certificate) => boolean {
  const [authority] = certificatesIn(pem);
  return (certificate) => authority !== undefined && certificate.verify(authority.publicKey);
}

labTest(
  "acme takes over from private-ca",
  async () => {
    await change(["acme", "--acme-server", ACME_DIRECTORY, "--acme-ca", file("acme.crt")], (shown) => issuer(shown).includes("Pebble"));
  },
  120_000,
);

labTest(
  "existing: what a ClusterIssuer signs takes over, for all of the domain",
  async () => {
    await clusterIssuer(ISSUER, theirs);
    await change([`existing:ClusterIssuer/${ISSUER}`], signedBy(theirs.certificate));
    // What only the issuer before needed has gone.
    expect(await kubectl("-n", "davit", "get", "issuers", "-o", "name")).toBe("issuer.cert-manager.io/davit-ca\n");
  },
  120_000,
);

labTest(
  "selfsigned: certificates that vouch for themselves take over, and `davit status` shows them",
  async () => {
    await change(["selfsigned"], (shown) => shown.verify(shown.publicKey));
    const { certificates } = JSON.parse((await davit(["status", "-o", "json"])).stdout);
    expect(certificates.map(({ of }: { of: string }) => of)).toEqual(["agent", "s3", "registry", "wildcard"]);
  },
  120_000,
);

labTest(
  "byo: a certificate that the admin brings takes over, and pushes go live with it",
  async () => {
    await change(["byo", "--tls-cert", file("tls.crt"), "--tls-key", file("tls.key")], signedBy(theirs.certificate));
    source.write({ "more.txt": "more" });
    expect(await push(source.path, args)).toMatchObject({ outcome: "live", url: expect.stringMatching(/^https:/) });
  },
  120_000,
);

labTest(
  "byo: a CA that the admin brings takes over inside and outside, pushes go live, and nobody was ever left without an answer",
  async () => {
    await change(["byo", "--ca-cert", file("ca.crt"), "--ca-key", file("ca.key")], signedBy(theirs.certificate));
    expect(await kubectl("-n", "davit", "get", "secret", TLS_SECRET.given, "--ignore-not-found", "-o", "name")).toBe("");
    source.write({ "more.txt": "and more" });
    expect(await push(source.path, args)).toMatchObject({ outcome: "live" });
    await asking.stop();
    expect([...new Set(asking.answers)]).toEqual(["always"]);
    const refused = await davit(["rotate", "ca"]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("davit cannot make the next one: bring it with `davit install --issuer byo"),
    });
  },
  180_000,
);
