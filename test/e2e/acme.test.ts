import { afterAll, beforeAll, expect } from "bun:test";
import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { factsOf } from "#shared/tls/certificate";
import { installAgain } from "#test/installed-with";
import { appFiles, davit, folder, kubectl, push, tenant } from "#test/lab";
import { labTest, onLab } from "#test/lab-test";
import { ACME_DIRECTORY, pebble } from "#test/pebble";
import { poll } from "#test/poll";
import { untilServed } from "#test/served";

/* Certificates of an ACME server, by HTTP-01 through the ingress. Pebble gives those of the profile `short` two minutes; with less, proving a name takes longer than what is left at its renewal. */

const REFUSED = "blocked.acme.test";

beforeAll(async () => {
  if (!onLab) return;
  using files = folder({ "ca.crt": (await pebble()).ca });
  await installAgain("--issuer", "acme", "--acme-server", ACME_DIRECTORY, "--acme-ca", join(files.path, "ca.crt"));
  await kubectl("-n", "davit", "patch", "issuer", "davit-acme", "--type=merge", "-p", '{"spec":{"acme":{"profile":"short"}}}');
}, 180_000);
afterAll(() => (onLab ? installAgain("--issuer", "private-ca") : undefined), 180_000);

const ofPebble = (certificate: X509Certificate) => factsOf(certificate).issuer.includes("Pebble");

labTest(
  "an app has a certificate of the ACME server, which is renewed while whoever asks is always answered",
  async () => {
    const { root } = await pebble();
    await using space = await tenant("acme");
    using source = folder(appFiles("proven"));
    const name = space.app("shop");
    const pushed = await push(source.path, ["--name", name, "-n", space.name]);
    const { hostname } = new URL(pushed.url ?? "");
    // A push waits for the ACME server, but not for ever.
    const first = await untilServed(hostname, ofPebble);
    const { url } = JSON.parse((await davit(["app", "show", name, "-n", space.name, "-o", "json"])).stdout);
    expect([pushed.outcome, url]).toEqual(["live", expect.stringMatching(/^https:/)]);

    const asking = poll(url, { tls: { ca: root } });
    await untilServed(hostname, (certificate) => ofPebble(certificate) && certificate.serialNumber !== first.serialNumber);
    await asking.stop();
    expect([...new Set(asking.answers)]).toEqual(["proven"]);
  },
  300_000,
);

labTest(
  "a name that the ACME server refuses is live without a certificate, and `app show` says why",
  async () => {
    await using space = await tenant("refused");
    using source = folder(appFiles("plain"));
    const name = space.app("shop");
    const pushed = await push(source.path, ["--name", name, "-n", space.name, "--route", REFUSED]);
    expect(pushed).toMatchObject({ outcome: "live", url: expect.stringMatching(/^http:/) });
    const { certificates } = JSON.parse((await davit(["app", "show", name, "-n", space.name, "-o", "json"])).stdout);
    expect(certificates).toMatchObject([{ host: REFUSED, reason: expect.stringContaining("blocked") }]);
  },
  120_000,
);
