import { isIP } from "node:net";
import { Fault } from "#shared/fault";

/** A port of the app, and where it is to be had here; 0 is any that is free. */
export interface Forward {
  local: number;
  remote: number;
}

/** `8080`, `3000:8080`, or `:8080` for any local port. @throws Fault usage */
export function parseForward(text: string): Forward {
  const [, local, remote = ""] = /^(?:(\d*):)?(\d+)$/.exec(text) ?? [];
  const forward = { local: Number(local ?? remote), remote: Number(remote) };
  if (remote !== "" && forward.remote >= 1 && forward.remote <= 65_535 && forward.local <= 65_535) return forward;
  throw usage("PORT", `PORT is the app's port, from 1 to 65535, or LOCAL:PORT with one of this machine's before it, not '${text}'`);
}

/** @throws Fault usage */
export function checkAddress(text: string): string {
  if (isIP(text) !== 0 || text === "localhost") return text;
  throw usage("--address", `--address is an IP address of this machine, such as 127.0.0.1 or 0.0.0.0, not '${text}'`);
}

function usage(flag: string, message: string): Fault {
  return new Fault("usage", message, { details: { flag } });
}
