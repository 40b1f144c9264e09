import type { PlaceReason } from "#shared/places";
import type { ProbeReport } from "#shared/probe";
import { placeFix } from "../../install/places.ts";
import type { World } from "../check.ts";
import { certificateFacts, type Facts, type Finding, ok, problem } from "../finding.ts";

/** Where a way leads. */
export interface WayEnd {
  place: "s3" | "registry";
  /** As it is called there. */
  name: string;
  builtIn: boolean;
}

/** From the agent to the S3 store: an object is written, read, listed and removed. */
export async function lookAtStore({ probes, options }: World): Promise<Finding[]> {
  return [
    wayVerdict({ place: "s3", name: probes.s3.endpoint, builtIn: !options.s3 }, await probes.store(), "an object was written, read and removed"),
  ];
}

/** From a build to the S3 store, which it knows by URLs only. */
export async function lookAtBuildStore({ probes, options }: World): Promise<Finding[]> {
  const did = probes.s3.secret ? "an object was written, read and removed by URLs without a key" : "it answers";
  return [wayVerdict({ place: "s3", name: probes.s3.endpoint, builtIn: !options.s3 }, await probes.links(), did)];
}

/** From a build to the registry: an image is pushed. */
export async function lookAtBuildRegistry({ probes, options }: World): Promise<Finding[]> {
  return [wayVerdict({ place: "registry", name: probes.registry.name, builtIn: !options.registry }, await probes.image(), "an image was pushed")];
}

export function wayVerdict(end: WayEnd, { peer, problem: found }: ProbeReport, did: string): Finding {
  const { place, name, builtIn } = end;
  const facts = peerFacts(name, peer);
  if (!found) return ok(did, facts);
  const ended = found.reason === "certificate" && Date.parse(peer.notAfter ?? "") < Date.now();
  const why = ended ? `its certificate ended at ${peer.notAfter}` : `${WHAT[found.reason]} (${found.detail})`;
  return problem(why, builtIn ? ownFix(place, ended ? "expired" : found.reason) : placeFix({ place, reason: found.reason }), facts);
}

/** Name, address and certificate of who answered. */
export function peerFacts(name: string, { address, issuer, notAfter }: ProbeReport["peer"]): Facts {
  return { peer: address ? `${name} (${address})` : name, ...(issuer && notAfter ? certificateFacts({ issuer, notAfter }) : {}) };
}

const WHAT: Record<PlaceReason, string> = {
  unreachable: "it cannot be reached",
  certificate: "its certificate is not trusted",
  login: "it refuses the login",
  denied: "it does not allow what davit does",
  bucket: "its bucket cannot be used",
  taken: "its bucket is another davit's",
  region: "it is in another region",
  clock: "it has another time",
  full: "it is full",
  other: "it does not serve",
};

function ownFix(place: "s3" | "registry", reason: PlaceReason | "expired"): string {
  const secret = place === "s3" ? "davit-s3-tls" : "davit-registry-tls";
  switch (reason) {
    case "unreachable":
      return `see \`kubectl -n davit get deployment,service,endpointslices ${place === "s3" ? "-l app.kubernetes.io/component=s3" : "-l app.kubernetes.io/component=registry"}\`, and that no NetworkPolicy of others stands between; \`davit install\` puts back davit's own`;
    case "expired":
    case "certificate":
      return `\`davit install\` makes the Secret davit/${secret} anew with davit's CA, and has the Deployment davit/${place} serve it`;
    case "login":
    case "denied":
      if (place === "s3") return "the Secret davit/davit-s3 has another key than the store takes: `davit rotate s3` gives both a new one";
      return `the Pods run with another key than the Secret davit/davit-registry-key has: kubectl -n davit rollout restart deployment registry davit-agent`;
    case "clock":
      return "set the nodes' clocks (`davit doctor --only clocks`)";
    case "full":
      return "`davit gc` frees what is not needed; or enlarge the volume";
    default:
      return `see \`kubectl -n davit logs deployment/${place} --all-containers\``;
  }
}
