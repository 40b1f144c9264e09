import { certificatesIn } from "#shared/tls/certificate";
import { wellKnownAnd, withoutWellKnown } from "#shared/tls/well-known";
import type { Context } from "../context.ts";
import type { InstalledOptions } from "./options.ts";
import { textOf, usage } from "./said-files.ts";

/** What is made of it has to fit into one ConfigMap, with the well-known CAs three times. */
const MOST_BYTES = 96 * 1024;

/** What davit trusts beside the well-known CAs; undefined: not said, empty: nobody. @throws Fault usage */
export function readTrustCa(context: Pick<Context, "cwd">, file: string | undefined): string | undefined {
  if (!file) return file;
  const text = textOf(context, "--trust-ca", file);
  if (certificatesIn(text).length === 0) throw usage("--trust-ca", `--trust-ca ${file} has no PEM certificate in it`);
  const own = withoutWellKnown(text);
  if (own === "") throw usage("--trust-ca", `--trust-ca ${file} has public CAs only, which davit trusts anyway`);
  if (own.length > MOST_BYTES) throw usage("--trust-ca", `--trust-ca ${file} has more than ${MOST_BYTES / 1024} KiB of CAs that are not public ones`);
  return own;
}

type Trusting = Pick<InstalledOptions, "trustCa">;

/** PEM of all that davit trusts where nothing else is said; empty: the well-known CAs, which everybody has already. */
export function publicCas({ trustCa }: Trusting): string {
  return wellKnownAnd(trustCa ?? "")?.join("\n") ?? "";
}

/** An external place with whom davit trusts there: the CA that was named for it, or else as anywhere. */
export function trusting<Place extends { ca: string }>(place: Place, options: Trusting): Place {
  return { ...place, ca: place.ca || publicCas(options) };
}
