import { type IssuerFacts, unready } from "./certificates.ts";
import { authorityProblem, certificateProblem } from "./given-pair.ts";
import type { Data } from "./made.ts";
import { hostOf, type InstallOptions } from "./options.ts";
import type { Problem } from "./preflight.ts";

/** What an admin brought in files. */
export interface GivenPairs {
  certificate?: Data | undefined;
  ca?: Data | undefined;
}

const CERT_MANAGER = "install cert-manager, for example https://cert-manager.io/docs/installation/; or use --issuer private-ca, which needs nothing";

/** What is in the way of the issuer that was chosen, before anything is changed. */
export function issuerProblems(
  { issuer: choice, domain }: Pick<InstallOptions, "issuer" | "domain">,
  facts: IssuerFacts,
  given: GivenPairs,
): Problem[] {
  const problem = (text: string, fix: string): Problem[] => [{ check: "issuer", problem: text, fix }];
  const whenUnfit = (what: string, why: string | undefined, fix: string) => (why === undefined ? [] : problem(`${what} ${why}`, fix));
  switch (choice?.kind) {
    case "acme":
      return facts.certManager ? [] : problem("--issuer acme needs cert-manager, which is not there", CERT_MANAGER);
    case "existing": {
      if (!facts.certManager) return problem("--issuer existing:… needs cert-manager, which is not there", CERT_MANAGER);
      const { kind, name } = choice.issuer;
      const where = kind === "Issuer" ? `Issuer davit/${name}` : `ClusterIssuer ${name}`;
      return whenUnfit(`the ${where} cannot issue:`, unready(facts.existing), `\`kubectl describe ${kind.toLowerCase()} ${name}\` shows all of it`);
    }
    case "given-certificate": {
      const brought = given.certificate ?? facts.certificate;
      if (!brought)
        return problem(
          `the Secret davit/${choice.secret} is not there`,
          "give --tls-cert and --tls-key, or make it: `kubectl -n davit create secret tls`",
        );
      const fix = `give one for davit.${hostOf(domain)} and *.${hostOf(domain)} with its key, the certificates that signed it after it`;
      return whenUnfit("the certificate", certificateProblem(brought, hostOf(domain)), fix);
    }
    case "given-ca":
      return given.ca ? whenUnfit("the CA", authorityProblem(given.ca), "give --ca-cert and --ca-key of a root CA that may sign") : [];
    default:
      return [];
  }
}
