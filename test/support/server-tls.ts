import { join } from "node:path";
import { newAuthority, newLeaf } from "#shared/tls/signing";

/** Puts `tls.crt` and `tls.key` for `address` into a server's folder. Returns the CA that signed them (PEM). */
export async function writeServerTls(folder: string, address: string): Promise<string> {
  const authority = await newAuthority();
  const leaf = await newLeaf(authority, { names: ["localhost", address] });
  await Bun.write(join(folder, "tls.crt"), leaf.certificate);
  await Bun.write(join(folder, "tls.key"), leaf.key.reveal());
  return authority.certificate;
}
