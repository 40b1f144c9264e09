import type { ConfigurationSummary } from "#shared/app";
import { plainLine } from "../report/plain.ts";
import { table } from "../report/table.ts";
import { formatAge, formatBytes } from "../report/units.ts";

/** Configurations as a table; nothing for none. */
export function configurationTable(configurations: readonly ConfigurationSummary[], now: number): string[] {
  if (configurations.length === 0) return [];
  return table(
    ["name", "values", "apps", "age"],
    configurations.map(({ name, keys, apps, createdAt }) => [name, keys.length, apps.join(", "), formatAge(createdAt, now)]),
  );
}

/** One configuration in full; its values, where they are given, as far as they are text. */
export function configurationLines(configuration: ConfigurationSummary, values: Record<string, string> | undefined, now: number): string[] {
  const { name, keys, apps, createdAt } = configuration;
  const rows: [string, string][] = [
    ["name", name],
    ["apps", apps.join(", ") || "-"],
    ["age", formatAge(createdAt, now)],
  ];
  const head = rows.map(([label, value]) => `${label.padEnd(4)}  ${value}`);
  if (keys.length === 0) return [...head, "", "no values"];
  if (!values)
    return [
      ...head,
      "",
      ...table(
        ["key"],
        keys.map((key) => [key]),
      ),
      "",
      "--reveal shows the values",
    ];
  const width = Math.max(...keys.map((key) => key.length));
  return [...head, "", ...keys.flatMap((key) => valueLines(key.padEnd(width), values[key] ?? ""))];
}

function valueLines(label: string, base64: string): string[] {
  const value = readable(base64);
  if (typeof value !== "string") return [`${label}  (${formatBytes(Buffer.from(base64, "base64").length)} that are not text)`];
  const [first = "", ...more] = value.replace(/\n$/, "").split("\n").map(plainLine);
  return [`${label}  ${first}`, ...more.map((line) => `${" ".repeat(label.length)}  ${line}`)];
}

/** A value for `-o json`: text as it is, anything else as base64 and marked as such. */
export function readable(base64: string): string | { base64: string } {
  const bytes = Buffer.from(base64, "base64");
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : { base64 };
}
