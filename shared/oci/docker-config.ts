/** Docker's config.json with one login, for a registry that goes by one name or by several. */
export function dockerConfig(hosts: string | readonly string[], user: string, password: string): string {
  const auth = Buffer.from(`${user}:${password}`).toString("base64");
  return JSON.stringify({ auths: Object.fromEntries([hosts].flat().map((host) => [host, { auth }])) });
}
