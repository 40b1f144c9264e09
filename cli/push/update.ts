import type { PushRequest } from "#shared/app";
import { Fault } from "#shared/fault";
import { checkTogether, parseWhole } from "../flags.ts";
import { type PushFlags, readConfigurations, readEnv, readRoutes } from "./settings.ts";

/** The flags of `davit app update` as they were typed. */
type UpdateFlags = Pick<PushFlags, "route" | "noRoute" | "env" | "envFile" | "unsetEnv" | "bind" | "instances" | "port"> & { unbind: string[] };

/** The settings to change. @throws Fault usage */
export function readUpdate(flags: UpdateFlags, cwd: string): PushRequest {
  const { route, noRoute, bind, unbind, instances, port } = flags;
  checkTogether({ "--route": route.length > 0, "--no-route": noRoute }, "the one says where the app answers, the other that it does not");
  for (const name of bind) checkTogether({ [`--bind ${name}`]: true, [`--unbind ${name}`]: unbind.includes(name) }, "it is either bound or not");
  const env = readEnv(flags, cwd);
  const request: PushRequest = {
    ...(route.length > 0 || noRoute ? { routes: readRoutes(route) } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(bind.length > 0 ? { bind: readConfigurations("--bind", bind) } : {}),
    ...(unbind.length > 0 ? { unbind: readConfigurations("--unbind", unbind) } : {}),
    ...(instances === undefined ? {} : { instances: parseWhole("--instances", instances, 0, 100) }),
    ...(port === undefined ? {} : { port: parseWhole("--port", port, 1, 65_535) }),
  };
  if (Object.keys(request).length > 0) return request;
  throw new Fault("usage", "there is nothing to change: give at least one of the flags");
}
