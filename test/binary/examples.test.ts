import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { newAuthority, newLeaf } from "#shared/tls/signing";
import { examplesAt, runLine } from "#test/examples";
import { startOpenRegistry } from "#test/open-registry";
import { temporaryFolder } from "#test/temporary";
import { binary } from "./davit.ts";

const LOGIN = `Basic ${btoa("ci:password")}`;

/** A registry that talks TLS and wants a login, as most do: the gate of a real one. */
async function registry(folder: string) {
  const open = await startOpenRegistry(folder);
  const authority = await newAuthority();
  const { certificate, key } = await newLeaf(authority, { names: ["localhost"] });
  const gate = Bun.serve({
    port: 0,
    hostname: "localhost",
    maxRequestBodySize: 1 << 30,
    tls: { cert: certificate, key: key.reveal() },
    fetch: async (request) => {
      if (request.headers.get("authorization") !== LOGIN)
        return new Response(null, { status: 401, headers: { "www-authenticate": 'Basic realm="it"' } });
      const { pathname, search } = new URL(request.url);
      const answer = await fetch(open.url + pathname + search, { method: request.method, headers: forwarded(request), body: request.body });
      return new Response(answer.body, answer);
    },
  });
  const ca = join(folder, "ca.crt");
  await Bun.write(ca, authority.certificate);
  const end = async () => {
    await gate.stop(true);
    await open[Symbol.asyncDispose]();
  };
  return { host: `localhost:${gate.port}`, ca, url: open.url, [Symbol.asyncDispose]: end };
}

/* Without the scheme the registry would send its visitors to itself in clear. */
function forwarded({ headers }: Request): Headers {
  const own = new Headers(headers);
  own.set("x-forwarded-proto", "https");
  return own;
}

test("the examples of image save and image push work as they are written", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await using it = await registry(cwd);
  for (const example of examplesAt("binary")) {
    const line = example.replace("registry.example.com", it.host);
    const { code, stderr } = await runLine(line, { bin: dirname(binary), cwd, stdin: "password\n", env: { NODE_EXTRA_CA_CERTS: it.ca } });
    expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining("davit:")]);
  }
  expect(await (await fetch(`${it.url}/v2/davit/tags/list`)).json()).toEqual({ name: "davit", tags: ["0.1.0"] });
});
