import { Fault } from "../fault.ts";
import { leavesTree } from "../tree.ts";
import { quote } from "./source-fault.ts";

/** Links followed for one path at most; Linux gives up at the same number. */
const MAX_HOPS = 40;

/**
 * Refuses links that could not mean the same inside an image: out of the tree, or round in circles.
 * A link to something that does not exist is kept, as git keeps it.
 * @param links path -> target of every link of the tree
 * @throws Fault source_link naming the first such link
 */
export function checkLinks(links: ReadonlyMap<string, string>): void {
  for (const [path, target] of links) {
    const end = leavesTree(path, target) ? "leaves" : follow(path, links);
    if (end === "stays") continue;
    const why = end === "leaves" ? "leads out of the source" : "leads back to itself";
    throw new Fault("source_link", `the link ${quote(path)} -> ${quote(target)} ${why}`, { details: { path, target } });
  }
}

/*
 * Where a link really ends: `a/x -> ..` and `l -> a/x/../secret` both look harmless by their text, but together they
 * leave the tree, so every link on the way is followed as the kernel would.
 */
function follow(path: string, links: ReadonlyMap<string, string>): "stays" | "leaves" | "loops" {
  const ahead = path.split("/").reverse();
  const at: string[] = [];
  for (let hops = 0; ahead.length > 0; ) {
    const part = ahead.pop() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return "leaves";
      continue;
    }
    at.push(part);
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    hops += 1;
    if (hops > MAX_HOPS) return "loops";
    if (target.startsWith("/")) return "leaves";
    at.pop();
    ahead.push(...target.split("/").reverse());
  }
  return "stays";
}
