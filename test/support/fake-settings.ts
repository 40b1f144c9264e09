import type { DavitHandlers } from "#shared/api";
import { Fault } from "#shared/fault";

type Handlers = DavitHandlers<unknown>;

const later = async (): Promise<never> => {
  throw new Fault("usage", "the fake agent has none of these yet");
};

export function configurationHandlers(): Pick<Handlers, "listConfigurations" | "showConfiguration" | "putConfiguration" | "deleteConfiguration"> {
  return { listConfigurations: later, showConfiguration: later, putConfiguration: later, deleteConfiguration: later };
}

export function gitCredentialHandlers(): Pick<Handlers, "listGitCredentials" | "putGitCredential" | "deleteGitCredential"> {
  return { listGitCredentials: later, putGitCredential: later, deleteGitCredential: later };
}
