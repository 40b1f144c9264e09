import type { Definition } from "clipanion";
import { VERSION } from "#shared/version";

/** Options of every command, shown apart from the command's own. */
const COMMON = new Set(["--kubeconfig", "--context", "--server", "-o,--output", "--verbose"]);
const VALUE = /^<([^>]+)> /;

/** What `davit help` prints: every command in a line. `commands` may be a part of them. */
export function overview(commands: readonly Definition[]): string[] {
  const groups = Map.groupBy(commands, ({ category }) => category?.trim() ?? "Other");
  const width = Math.max(...commands.map(({ usage }) => usage.trim().length));
  return [
    `davit ${VERSION}: source in, URL out, on Kubernetes`,
    ...[...groups].flatMap(([category, members]) => [
      "",
      category,
      ...members.map(({ usage, description }) => `  ${usage.trim().padEnd(width)}  ${description?.trim() ?? ""}`),
    ]),
    "",
    "`davit help COMMAND` says more about one.",
  ];
}

/** What `davit help COMMAND` prints. */
export function commandHelp({ usage, description, details, examples, options }: Definition): string[] {
  const own = options.filter(({ definition }) => !isCommon(definition));
  const common = options.filter(({ definition }) => isCommon(definition));
  return [
    `usage: ${usage.trim()}${options.length > 0 ? " [options]" : ""}`,
    "",
    capitalize(description?.trim() ?? ""),
    ...section("", details?.trim().split("\n") ?? []),
    ...section("Options", optionLines(own)),
    ...section("Common options", optionLines(common)),
    ...section("Examples", examples?.flatMap(([label, command]) => [`  ${label.trim()}:`, `    ${command}`]) ?? []),
  ];
}

function isCommon(definition: string): boolean {
  return COMMON.has(definition.split(" ")[0] ?? "");
}

function section(title: string, lines: string[]): string[] {
  if (lines.length === 0) return [];
  return ["", ...(title === "" ? [] : [title]), ...lines.map((line) => line.trimEnd())];
}

/* clipanion calls every value `#0`; a description that begins with `<NAME>` names it. */
function optionLines(options: Definition["options"]): string[] {
  const rows = options.map(({ definition, description = "" }) => {
    const value = VALUE.exec(description)?.[1] ?? "VALUE";
    return { name: definition.replace(",", ", ").replace("#0", value), text: description.replace(VALUE, "") };
  });
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  return rows.map(({ name, text }) => `  ${name.padEnd(width)}  ${text}`);
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
