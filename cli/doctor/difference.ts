/**
 * Where `present` says something else than `wanted`, as paths with dots. What only `present` has is the API server's
 * (defaults, status) and is no difference, but for lists: those are as long as they are meant to be.
 */
export function differences(wanted: unknown, present: unknown, path = ""): string[] {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(present) || present.length !== wanted.length) return [path];
    return wanted.flatMap((item, index) => differences(item, present[index], `${path}[${index}]`));
  }
  if (!isRecord(wanted)) return Object.is(wanted, present) ? [] : [path];
  if (!isRecord(present)) return [path];
  return Object.entries(wanted).flatMap(([key, value]) => differences(value, present[key], path ? `${path}.${key}` : key));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
