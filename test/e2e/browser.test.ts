import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { appFiles, folder, push, tenant } from "#test/lab";
import { servedFor } from "#test/served";
import { temporaryFolder } from "#test/temporary";

/** What a program prints; its complaints go nowhere. */
async function printed(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
  return await new Response(child.stdout).text();
}

/** What Chromium, which has a list of CAs of its own, is told to trust: the key of this one server, whom davit's CA vouches for. */
async function pinOf(url: string): Promise<string> {
  const { certificate, problem } = await servedFor(new URL(url).hostname);
  expect(problem).toBeUndefined();
  const key = certificate?.publicKey.export({ type: "spki", format: "der" }) ?? "";
  return createHash("sha256").update(key).digest("base64");
}

test("the printed URL opens as printed: in curl, in Bun and in a browser", async () => {
  await using space = await tenant("browser");
  await using profile = await temporaryFolder();
  using app = folder(appFiles("seen by a person"));
  const { url, fault } = await push(app.path, ["--name", space.app("page"), "-n", space.name]);
  expect(fault).toBeUndefined();
  const address = url ?? "";
  expect(await (await fetch(address)).text()).toBe("seen by a person");
  expect(await printed("curl", "--silent", "--cacert", process.env.NODE_EXTRA_CA_CERTS ?? "", address)).toBe("seen by a person");
  const pin = `--ignore-certificate-errors-spki-list=${await pinOf(address)}`;
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic", "--no-first-run"];
  const page = await printed(
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    pin,
    ...quiet,
    `--user-data-dir=${profile.path}`,
    "--dump-dom",
    address,
  );
  expect(page).toContain("seen by a person");
}, 120_000);
