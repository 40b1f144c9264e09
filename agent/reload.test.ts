import { expect, test } from "bun:test";
import { join } from "node:path";
import { handshake } from "#shared/tls/handshake";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { startVersity } from "#test/versity";
import { runReload } from "./reload.ts";

test("the S3 server takes a new certificate while requests go on, and refuses none of them", async () => {
  await using versity = await startVersity();
  const { hostname, port } = versity.place.endpoint;
  const next = await newAuthority();
  const ca = versity.place.ca + next.certificate;
  const stop = new AbortController();
  const file = join(versity.folder, "tls.crt");
  const reloading = runReload(file, { signal: stop.signal, log: () => {}, lookMs: 20 });

  let asked = 0;
  const health = async () => {
    const answer = await fetch(`https://${hostname}:${port}/healthz`, { tls: { ca }, keepalive: asked++ % 2 === 0 });
    return answer.status;
  };
  const polling = (async () => {
    while (!stop.signal.aborted) expect(await health()).toBe(200);
  })();

  const leaf = await newLeaf(next, { names: [hostname] });
  await Bun.write(join(versity.folder, "tls.key"), leaf.key.reveal());
  await Bun.write(file, leaf.certificate);
  while ((await handshake({ host: hostname, port: Number(port), ca: next.certificate })).problem) await Bun.sleep(10);
  const before = asked;
  while (asked < before + 20) await Bun.sleep(1);
  stop.abort();
  await Promise.all([polling, reloading]);
});
