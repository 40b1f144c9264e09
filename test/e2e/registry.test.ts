import { expect, test } from "bun:test";
import type { V1Pod } from "#shared/kube/objects";
import { waitFor } from "#shared/kube/watch";
import { appFiles, folder, kube, push, tenant } from "#test/lab";

const WAIT_MS = 60_000;

/** Starts a Pod of the image with the namespace's own pull secret and tells how kubelet's pull went. */
async function pull(namespace: string, image: string): Promise<"pulled" | string> {
  const api = await kube();
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "puller", namespace },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      imagePullSecrets: [{ name: "davit-pull" }],
      containers: [{ name: "puller", image, imagePullPolicy: "Always" }],
    },
  };
  await api.create(pod);
  const ref = { apiVersion: "v1", kind: "Pod", namespace, name: "puller" };
  return waitFor<V1Pod, string>(
    api,
    ref,
    (seen) => {
      const state = seen?.status?.containerStatuses?.[0];
      if (state?.imageID) return "pulled";
      return state?.state?.waiting?.reason === "ErrImagePull" ? state.state.waiting.message : undefined;
    },
    AbortSignal.timeout(WAIT_MS),
  );
}

test("a tenant's nodes pull its images over verified TLS with its own secret, and no other tenant's", async () => {
  await using shop = await tenant("shop");
  await using bank = await tenant("bank");
  using source = folder(appFiles("for the shop only"));
  const pushed = await push(source.path, ["--name", shop.app("cart"), "-n", shop.name]);
  expect([pushed.outcome, pushed.stderr]).toEqual(["live", expect.any(String)]);
  const image = pushed.image ?? "";
  expect(image).toStartWith(`registry.davit.svc.cluster.local:5000/${shop.name}/`);

  expect(await pull(shop.name, image)).toBe("pulled");
  expect(await pull(bank.name, image)).toContain("insufficient_scope");
}, 180_000);
