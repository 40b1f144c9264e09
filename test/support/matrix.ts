/* The cells of the matrix in docs/tls.md that one test file proves, under the names that rows and columns have there. */

export const AGENT = "private-ca, signed by the agent";
const OTHERS = ["selfsigned", "acme", "existing", "byo, a certificate", "byo, a CA"] as const;
export type IssuerName = typeof AGENT | (typeof OTHERS)[number];

export const EXTERNAL = "external with a private CA";
export const MANUAL = "built-in, manual";
export const NODEPORT = "built-in, insecure-nodeport";
export const PUBLIC = "built-in, public";
export type PlaceName = typeof EXTERNAL | typeof MANUAL | typeof NODEPORT | typeof PUBLIC;

const at = (place: PlaceName, ...issuers: IssuerName[]) => issuers.map((issuer) => [issuer, place] as const);

/** In an order in which little has to change from one to the next: sources and images move once, cert-manager comes and goes once. */
export const CELLS = [
  ...at(EXTERNAL, AGENT, ...OTHERS),
  ...at(MANUAL, ...OTHERS.toReversed()),
  ...at(NODEPORT, ...OTHERS),
  ...at(PUBLIC, ...OTHERS.toReversed()),
  ...at(NODEPORT, AGENT),
  ...at(MANUAL, AGENT),
  ...at(PUBLIC, AGENT),
];
