import { expect, test } from "bun:test";
import type { V1Pod } from "#shared/kube/objects";
import { handshake } from "#shared/tls/handshake";
import { forwarded } from "#test/forwarded";
import { kube, kubectl } from "#test/lab";
import { door } from "#test/member";
import { poll } from "#test/poll";

const NAME = "s3.davit.svc.cluster.local";
const RENEWED_MS = 120_000;

test("the S3 store serves a renewed certificate without a restart, and whoever asks meanwhile is always answered", async () => {
  const [api, { ca }] = [await kube(), await door()];
  await using s3 = await forwarded("davit", "service/s3", 7070);
  const shown = async () => (await handshake({ host: "127.0.0.1", port: s3.port, serverName: NAME, ca })).chain[0]?.serialNumber;
  const pods = async () =>
    (await api.list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace: "davit" }, { labels: "app.kubernetes.io/component=s3" })).map(
      ({ metadata, status }) => [metadata?.uid, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)],
    );
  const [before, running] = [await shown(), await pods()];
  const asking = poll(`https://127.0.0.1:${s3.port}/healthz`, { tls: { ca, serverName: NAME } });

  await api.remove({ apiVersion: "v1", kind: "Secret", namespace: "davit", name: "davit-s3-tls" });
  await kubectl("-n", "davit", "wait", "--for=create", "secret/davit-s3-tls", "--timeout=60s");
  // Kubelet looks at a Pod's files within a minute, and at once when the Pod changes.
  await kubectl("-n", "davit", "annotate", "pod", "-l", "app.kubernetes.io/component=s3", "--overwrite", `test=${Date.now()}`);
  for (const end = Date.now() + RENEWED_MS; (await shown()) === before && Date.now() < end; ) await Bun.sleep(100);
  expect(await shown()).not.toBe(before);
  await asking.stop();
  expect([...new Set(asking.answers)]).toHaveLength(1);
  expect(asking.answers[0]).not.toMatch(/^status|error/i);
  expect(await pods()).toEqual(running);
}, 180_000);
