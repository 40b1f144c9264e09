import { Fault } from "#shared/fault";
import type { Api, ApiHandlers } from "../context.ts";

export function gitCredentialHandlers(_api: Api): Pick<ApiHandlers, "listGitCredentials" | "putGitCredential" | "deleteGitCredential"> {
  const later = async (): Promise<never> => {
    throw new Fault("usage", "git credentials come in a later version");
  };
  return { listGitCredentials: later, putGitCredential: later, deleteGitCredential: later };
}
