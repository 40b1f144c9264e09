import { expect, test } from "bun:test";
import { rootCertificates } from "node:tls";
import { certificatesIn } from "#shared/tls/certificate";
import { newAuthority } from "#shared/tls/signing";
import { folder } from "#test/lab";
import type { ExternalS3 } from "./external.ts";
import { resolveOptions } from "./options.ts";
import { publicCas, readTrustCa, trusting } from "./trust-ca.ts";

const [public1 = "", public2 = ""] = rootCertificates;
const flags = { images: {}, mirrors: [], certsDirs: [], podCidrs: [] };

test("of a bundle only what is no public CA is kept", async () => {
  const [one, two] = await Promise.all([newAuthority(), newAuthority()]);
  using files = folder({ "ca.pem": ["# ours", one.certificate, public1, two.certificate].join("\n") });
  expect(readTrustCa({ cwd: files.path }, "ca.pem")).toBe(`${one.certificate}${two.certificate}`);
});

test("a file without a CA that is not public, or with too many, is refused; no file and '' stay as they are", async () => {
  const { certificate } = await newAuthority();
  using files = folder({ none: "nothing", public: `${public1}\n${public2}`, large: certificate.repeat(200) });
  for (const file of ["none", "public", "large", "missing"])
    expect(() => readTrustCa({ cwd: files.path }, file)).toThrow(expect.objectContaining({ code: "usage" }));
  expect([undefined, ""].map((file) => readTrustCa({ cwd: files.path }, file))).toEqual([undefined, ""]);
});

test("the flag stays until it is taken away", () => {
  expect(resolveOptions({ ...flags, trustCa: "PEM" }, {}).trustCa).toBe("PEM");
  expect(resolveOptions(flags, { trustCa: "PEM" }).trustCa).toBe("PEM");
  expect(resolveOptions({ ...flags, trustCa: "" }, { trustCa: "PEM" })).not.toHaveProperty("trustCa");
});

test("a place is trusted by its own CA, or by the public ones and the admin's", async () => {
  const { certificate } = await newAuthority();
  const place = { ca: "" } as ExternalS3;
  expect(trusting({ ...place, ca: "its own" }, { trustCa: certificate }).ca).toBe("its own");
  expect(certificatesIn(trusting(place, { trustCa: certificate }).ca)).toHaveLength(rootCertificates.length + 1);
  expect(trusting(place, {}).ca).toBe("");
  expect(publicCas({})).toBe("");
});
