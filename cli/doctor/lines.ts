import type { Check } from "./check.ts";
import type { Finding } from "./finding.ts";

const HEADINGS: Record<Check["group"], string> = { hops: "TLS, hop by hop", installation: "Installation", cluster: "Cluster" };

/** Before the first check of a group: its heading. */
export function headingLines({ group }: Check, before: Check | undefined): string[] {
  if (before?.group === group) return [];
  return [...(before ? [""] : []), HEADINGS[group]];
}

/** What a check came to, a line for each finding and one for its fix. */
export function findingLines({ title }: Check, findings: readonly Finding[]): string[] {
  return findings.flatMap(({ severity, node, peer, what, issuer, notAfter, fix }) => {
    const way = [node, peer].filter(Boolean).join(" -> ");
    const until = notAfter && !what.includes(notAfter) ? `until ${notAfter.slice(0, 10)}` : "";
    const told = [way ? `${way}: ${what}` : what, issuer && `issuer ${issuer}`, until].filter(Boolean).join("; ");
    return [`  ${severity.padEnd(7)}  ${title.padEnd(19)}  ${told}`, ...(fix ? [`           fix: ${fix}`] : [])];
  });
}
