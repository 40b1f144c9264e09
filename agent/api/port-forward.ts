import { once } from "node:events";
import { connect } from "node:net";
import { Fault } from "#shared/fault";
import type { Kube } from "#shared/kube/client";
import type { ForwardOrder } from "#shared/sessions";
import { tunnel } from "#shared/tunnel";
import type { Wire } from "#shared/wire";
import { instanceOf, pickInstance } from "./instances.ts";

const CONNECT_MS = 10_000;

/** One connection of a caller's to a port of an instance that is ready now. */
export async function portForward(
  kube: Kube,
  { namespace, app }: { namespace: string; app: string },
  { port }: ForwardOrder,
  caller: Wire,
): Promise<void> {
  const pod = await pickInstance(kube, namespace, app);
  const socket = connect({ host: pod.status?.podIP ?? "", port, allowHalfOpen: true });
  let fails = "does not answer";
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(CONNECT_MS) });
    fails = "broke the connection off";
    await tunnel(caller, socket);
  } catch (cause) {
    socket.destroy();
    if (cause instanceof Fault) throw cause;
    throw new Fault("app_not_listening", `port ${port} of the instance '${instanceOf(pod, app)}' ${fails}`, {
      cause,
      details: { port: String(port) },
    });
  }
}
