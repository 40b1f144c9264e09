import { Fault } from "#shared/fault";
import { accept, plan } from "../../accept.ts";
import { getRevision } from "../../apps.ts";
import { Turns } from "../../turns.ts";
import { type Api, type ApiHandlers, admit, admitSource } from "../context.ts";

export function pushHandlers(api: Api): Pick<ApiHandlers, "negotiate" | "putPack" | "planPush" | "createRevision" | "pushEvents"> {
  const { deps, runner, auth } = api;
  const turns = new Turns();
  return {
    negotiate: async ({ namespace, body }, caller) => {
      const tenant = await admitSource(api, caller, namespace);
      return await deps.sources.negotiate(tenant.uid, await body());
    },
    putPack: async ({ namespace, pack, body }, caller) => {
      const tenant = await admitSource(api, caller, namespace);
      await deps.sources.putPack(tenant.uid, pack, body);
      return {};
    },
    planPush: async ({ namespace, app, body }, caller) => {
      const tenant = await admit(api, caller, "create", "apps", namespace, app);
      return await plan(deps, tenant, app, await body());
    },
    createRevision: async ({ namespace, app, body }, caller) => {
      const tenant = await admit(api, caller, "create", "apps", namespace, app);
      const request = await body();
      // One at a time for an app: revisions are numbered, and run, in the order they were asked for.
      return await turns.take(`${namespace}/${app}`, async () => {
        const accepted = await accept(deps, tenant, app, request, caller.user);
        if (accepted.outcome === "unchanged") return accepted;
        if (!accepted.again) runner.start(accepted.revision);
        return { outcome: "accepted", revision: accepted.revision.spec.number };
      });
    },
    pushEvents: async function* ({ namespace, app, revision, query, signal }, caller) {
      await auth.authorize(caller, "get", "apps/logs", namespace, app);
      const found = await getRevision(deps.kube, namespace, app, revision);
      if (!found)
        throw new Fault("revision_not_found", `the app '${app}' has no revision ${revision}`, { details: { app, revision: String(revision) } });
      yield* (await runner.events(found)).follow(query.after, signal);
    },
  };
}
