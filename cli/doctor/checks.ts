import type { Check } from "./check.ts";
import { lookAtCertificates } from "./checks/certificates.ts";
import { lookAtIngressClass, lookAtStorageClass } from "./checks/classes.ts";
import { lookAtClocks } from "./checks/clocks.ts";
import { lookAtComponents, lookAtVersions } from "./checks/components.ts";
import { lookAtDisk } from "./checks/disk.ts";
import { lookAtDns } from "./checks/dns.ts";
import { lookAtKinds, lookAtNetworkRules, lookAtPodSecurity, lookAtRights } from "./checks/drift.ts";
import { lookAtIssuers } from "./checks/issuers.ts";
import { lookAtAgent } from "./hops/agent.ts";
import { lookAtBuildRegistry, lookAtBuildStore, lookAtStore } from "./hops/inside.ts";
import { lookAtNodes } from "./hops/nodes.ts";

/** Everything that `davit doctor` looks at, in the order in which it tells of it. */
export const CHECKS: readonly Check[] = [
  { id: "cli-agent", hop: "cli-agent", group: "hops", title: "CLI -> agent", look: lookAtAgent },
  { id: "agent-s3", hop: "agent-s3", group: "hops", title: "agent -> S3", look: lookAtStore },
  { id: "build-s3", hop: "build-s3", group: "hops", title: "build -> S3", look: lookAtBuildStore },
  { id: "build-registry", hop: "build-registry", group: "hops", title: "build -> registry", look: lookAtBuildRegistry },
  { id: "kubelet-registry", hop: "kubelet-registry", group: "hops", title: "kubelet -> registry", look: lookAtNodes },
  { id: "components", group: "installation", title: "components", look: lookAtComponents },
  { id: "versions", group: "installation", title: "versions", look: lookAtVersions },
  { id: "kinds", group: "installation", title: "kinds", look: lookAtKinds },
  { id: "rights", group: "installation", title: "rights", look: lookAtRights },
  { id: "network-rules", group: "installation", title: "network rules", look: lookAtNetworkRules },
  { id: "pod-security", group: "installation", title: "Pod Security", look: lookAtPodSecurity },
  { id: "certificates", group: "installation", title: "certificates", look: lookAtCertificates },
  { id: "issuers", group: "installation", title: "issuers", look: lookAtIssuers },
  { id: "disk", group: "installation", title: "disk", look: lookAtDisk },
  { id: "dns", group: "cluster", title: "DNS", look: lookAtDns },
  { id: "ingress-class", group: "cluster", title: "ingress class", look: lookAtIngressClass },
  { id: "storage-class", group: "cluster", title: "storage class", look: lookAtStorageClass },
  { id: "clocks", group: "cluster", title: "clocks", look: lookAtClocks },
];
