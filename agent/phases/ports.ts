import { connect } from "node:net";
import type { V1Pod } from "#shared/kube/objects";

/** Ports that frameworks listen on when nobody tells them. */
const USUAL = [3000, 8080, 80, 5000, 8000, 4000, 5173, 4321, 9000, 8081, 8888, 3001, 1337, 4567, 9292];
const CONNECT_MS = 500;

/** Where a Pod does listen, as the end of a sentence; or what its silence means. */
export async function diagnosePorts(pod: V1Pod): Promise<string> {
  const host = pod.status?.podIP;
  if (!host) return "";
  const open = (await Promise.all(USUAL.map(async (port) => ((await listens(host, port)) ? port : 0)))).filter((port) => port > 0);
  if (open.length > 0) return `it listens on port ${open.join(" and ")} instead`;
  return "it listens on some other port, or on 127.0.0.1 only, where no other Pod can reach it";
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const answer = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("timeout", () => answer(false));
    socket.once("error", () => answer(false));
  });
}
