import { PROTOCOL, VERSION } from "#shared/version";
import type { Api, ApiHandlers } from "./context.ts";
import { appHandlers } from "./handlers/apps.ts";
import { configurationHandlers } from "./handlers/configurations.ts";
import { garbageHandlers } from "./handlers/garbage.ts";
import { gitCredentialHandlers } from "./handlers/git-credentials.ts";
import { namespaceHandlers } from "./handlers/namespaces.ts";
import { pushHandlers } from "./handlers/pushes.ts";

/** The API's endpoints: each asks whether the caller may, then calls the one function that does it. */
export function handlers(api: Api): ApiHandlers {
  return {
    info: async () => ({ version: VERSION, protocol: PROTOCOL, domain: api.deps.config.domain.host }),
    whoami: async (_, caller) => ({ user: caller.user, groups: caller.groups }),
    ...namespaceHandlers(api),
    ...pushHandlers(api),
    ...appHandlers(api),
    ...configurationHandlers(api),
    ...gitCredentialHandlers(api),
    ...garbageHandlers(api),
  };
}
