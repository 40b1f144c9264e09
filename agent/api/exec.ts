import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import { pathOf } from "#shared/kube/resource";
import { openSocket, type PacedSocket } from "#shared/paced-socket";
import type { ExecOrder } from "#shared/sessions";
import type { Wire } from "#shared/wire";
import { instanceOf, pickInstance } from "./instances.ts";

/** The first version in which the end of stdin can be told. */
const PROTOCOL = "v5.channel.k8s.io";

/** Runs a command in an instance; the frames between caller and API server are passed on as they are. */
export async function exec(kube: Kube, at: { namespace: string; app: string }, order: ExecOrder, caller: Wire): Promise<void> {
  const container = await enter(kube, at, order);
  // When the caller leaves, the container's side is closed too, and with it the loop below.
  const input = passOn(caller, container)
    .catch(() => {})
    .finally(() => container.close());
  for await (const frame of container) if (typeof frame !== "string") await caller.send(frame);
  await caller.end();
  await caller.close();
  await input;
}

async function passOn(caller: Wire, container: PacedSocket): Promise<void> {
  for await (const frame of caller) await container.send(frame);
}

async function enter(
  kube: Kube,
  { namespace, app }: { namespace: string; app: string },
  { command, tty, instance }: ExecOrder,
): Promise<PacedSocket> {
  const pod = await pickInstance(kube, namespace, app, instance);
  const path = pathOf({ apiVersion: "v1", kind: "Pod", namespace, name: pod.metadata?.name }, "exec");
  const query = new URLSearchParams({ container: "app", stdin: "true", stdout: "true", stderr: String(!tty), tty: String(tty) });
  for (const word of command) query.append("command", word);
  try {
    return await openSocket(await kube.webSocket(path, query, [PROTOCOL]));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault("cluster_unreachable", `the instance '${instanceOf(pod, app)}' could not be entered through the API server: ${why}`, { cause });
  }
}
