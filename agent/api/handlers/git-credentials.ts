import { createGitCredential, deleteGitCredential, listGitCredentials } from "../../git-credentials.ts";
import { type Api, type ApiHandlers, admit } from "../context.ts";

export function gitCredentialHandlers(api: Api): Pick<ApiHandlers, "listGitCredentials" | "putGitCredential" | "deleteGitCredential"> {
  const { kube } = api.deps;
  return {
    listGitCredentials: async ({ namespace }, caller) => {
      await admit(api, caller, "list", "apps", namespace);
      return await listGitCredentials(kube, namespace);
    },
    putGitCredential: async ({ namespace, credential, body }, caller) => {
      await admit(api, caller, "update", "apps", namespace);
      return await createGitCredential(kube, namespace, credential, await body());
    },
    deleteGitCredential: async ({ namespace, credential }, caller) => {
      await admit(api, caller, "update", "apps", namespace);
      await deleteGitCredential(kube, namespace, credential);
      return {};
    },
  };
}
