/** What a registry answers to a request without credentials: `Bearer realm="…",service="…"` or `Basic realm="…"`. */
export type Challenge = { scheme: string; parameters: Record<string, string> };

export function parseChallenge(header: string): Challenge {
  const [, scheme = "", rest = ""] = /^\s*(\w+)\s*(.*)$/s.exec(header) ?? [];
  const pairs = [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key.toLowerCase(), value]);
  return { scheme: scheme.toLowerCase(), parameters: Object.fromEntries(pairs) as Record<string, string> };
}
