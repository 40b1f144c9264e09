/** The Secret with the agent's key for the built-in S3 store. */
export const S3_KEY = "davit-s3";
/** The Secret with the accounts that the store takes. */
export const S3_ACCOUNTS = "davit-s3-accounts";
/** In it, and where Versity S3 Gateway looks for them. */
export const USERS_FILE = "users.json";

export type S3Key = Record<"accessKey" | "secretKey", string>;

export function newS3Key(): S3Key {
  return { accessKey: random(15), secretKey: random(30) };
}

/** Letters and digits only: some S3 clients stumble over others. `bytes` of randomness. */
export function random(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}

/** The file of accounts, each of which may do everything with every bucket, whoever of them made it. */
export function usersOf(keys: readonly Partial<S3Key>[]): string {
  const accounts = keys.map(({ accessKey = "", secretKey = "" }) => [accessKey, { access: accessKey, secret: secretKey, role: "admin" }]);
  return JSON.stringify({ accessAccounts: Object.fromEntries(accounts) });
}

/** The keys in the file of accounts. */
export function keysIn(users: string): S3Key[] {
  const { accessAccounts = {} } = JSON.parse(users) as { accessAccounts?: Record<string, { access: string; secret: string }> };
  return Object.values(accessAccounts).map(({ access, secret }) => ({ accessKey: access, secretKey: secret }));
}
