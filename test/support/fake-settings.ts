import type { DavitHandlers } from "#shared/api";
import type { GitCredential } from "#shared/app";
import { Fault } from "#shared/fault";

type Handlers = Pick<DavitHandlers<unknown>, "listGitCredentials" | "putGitCredential" | "deleteGitCredential">;

/** Git credentials in memory, by name. */
export function gitCredentialHandlers(kept: Map<string, GitCredential>): Handlers {
  const summarize = (name: string, { host, username }: GitCredential) => ({ name, host, username, createdAt: "2026-01-01T00:00:00Z" });
  return {
    listGitCredentials: async () => [...kept].map(([name, credential]) => summarize(name, credential)),
    putGitCredential: async ({ credential: name, body }) => {
      const credential = await body();
      if (kept.has(name)) throw new Fault("credential_exists", `there is a git credential '${name}' already`, { details: { credential: name } });
      kept.set(name, credential);
      return summarize(name, credential);
    },
    deleteGitCredential: async ({ credential: name }) => {
      if (!kept.delete(name)) throw new Fault("credential_not_found", `there is no git credential '${name}'`, { details: { credential: name } });
      return {};
    },
  };
}
