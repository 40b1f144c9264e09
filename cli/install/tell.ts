import type { Kube } from "#shared/kube/client";
import { nameOf } from "./apply.ts";
import { type Changes, type InstallEvent, install, type Prepared } from "./install.ts";
import { nodeTrustNotes } from "./node-trust.ts";
import { clearWarnings } from "./places.ts";
import { type Status, status } from "./status.ts";

/** What `davit install -o json` prints. */
export type InstallResult = Status & { outcome: "installed" | "unchanged"; objects: Changes };

/** Installs and says, line by line, what happens. @throws what install throws */
export async function installAndTell(
  kube: Kube,
  prepared: Prepared,
  options: { signal: AbortSignal; timeoutMs: number; say: (line: string) => void },
): Promise<InstallResult> {
  for (const line of [...clearWarnings(prepared.options), ...nodeTrustNotes(prepared.options)]) options.say(line);
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const changes = await install(kube, prepared, { signal, tell: (event) => sayEvent(event, options.say) });
  const outcome = changes.created + changes.changed > 0 ? "installed" : "unchanged";
  return { outcome, objects: changes, ...(await status(kube)) };
}

/** The result for people. */
export function installedLines({ outcome, objects, version, url, apps }: InstallResult): string[] {
  const did =
    outcome === "unchanged"
      ? "is installed as it should be; nothing was changed"
      : `is installed: ${objects.created} objects created, ${objects.changed} changed, ${objects.unchanged} as they were`;
  return [`davit ${version} ${did}`, `  agent  ${url}`, `  apps   ${apps}`, "next: davit push --name NAME --path DIR"];
}

function sayEvent(event: InstallEvent, say: (line: string) => void): void {
  const line = lineOf(event);
  if (line !== undefined) say(line);
}

function lineOf(event: InstallEvent): string | undefined {
  switch (event.type) {
    case "checked":
      return "the cluster is fit for davit";
    case "applied":
      return event.change === "unchanged" ? undefined : `${event.change} ${nameOf(event.object)}`;
    case "note":
      return event.line;
    case "waiting":
      return event.done ? `${event.name} is ready` : `waiting for ${event.name}: ${event.reason}`;
  }
}
