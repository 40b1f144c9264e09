import { describe, expect, test } from "bun:test";
import { Fault } from "#shared/fault";
import type { Transport, WireRequest } from "#shared/rpc-client";
import { Secret } from "#shared/secret";
import { noPause } from "#test/cli";
import { unreachable } from "./fetch-fault.ts";
import { sendByLogin } from "./login-way.ts";
import { ServerTrust } from "./server-trust.ts";
import { loginTokens } from "./tokens.ts";
import { withHeartbeat, withRetries, withToken, withWaiting, withWholeAnswers } from "./transport.ts";

const GET: WireRequest = { method: "GET", headers: {} };
const signal = new AbortController().signal;
const context = { pause: noPause, signal, err: () => {} };
const bySend = (server: string) => sendByLogin(server, new ServerTrust(server, undefined, () => {}));
const rejected = () => Response.json({ fault: { code: "token_rejected", message: "no" } }, { status: 401 });

describe("withRetries", () => {
  test("tries again for about ten seconds, and says so once", async () => {
    let waited = 0;
    let tries = 0;
    const said: string[] = [];
    const away: Transport = async () => {
      tries += 1;
      throw unreachable("https://a.test", "does not answer", { retry: true });
    };
    const pause = async (ms: number) => {
      waited += ms;
    };
    const calm = { signal, pause, err: (line: string) => void said.push(line) };
    expect(await withRetries(away, calm)("/v1/info", GET).catch((error) => error.code)).toBe("agent_unreachable");
    expect({ waited, tries }).toEqual({ waited: 10_000, tries: 9 });
    expect(said).toEqual(["the davit agent at https://a.test does not answer; trying again for some seconds"]);
  });

  test.each([
    unreachable("https://a.test", "has an unknown name", { retry: false }),
    new Fault("certificate_untrusted", "no"),
    new Fault("cluster_unreachable", "no"),
    new TypeError("not a fault"),
  ])("does not repeat what stays as it is (%#)", async (error) => {
    let tries = 0;
    const failing: Transport = async () => {
      tries += 1;
      throw error;
    };
    expect(await withRetries(failing, context)("/", GET).catch((thrown) => thrown)).toBe(error);
    expect(tries).toBe(1);
  });

  test("survives an agent that comes back", async () => {
    const port = Bun.serve({ port: 0, fetch: () => new Response() });
    const url = port.url.origin;
    await port.stop(true);
    using back = { server: undefined as Bun.Server<undefined> | undefined, [Symbol.dispose]: () => void back.server?.stop(true) };
    const pause = async () => {
      back.server ??= Bun.serve({ port: Number(new URL(url).port), hostname: "127.0.0.1", fetch: () => new Response("here") });
    };
    const transport = withRetries(withToken(bySend(url.replace("localhost", "127.0.0.1")), loginTokens({ token: "t" }, signal)), {
      ...context,
      pause,
    });
    expect(await (await transport("/", GET)).text()).toBe("here");
  });
});

describe("withWaiting", () => {
  test("an ingress without an agent behind it counts as away", async () => {
    const answers = [new Response("no available server", { status: 503 }), new Response("Bad Gateway", { status: 502 }), Response.json({ ok: true })];
    using server = disposable(Bun.serve({ port: 0, fetch: () => answers.shift() ?? new Response() }));
    const transport = withWaiting(withToken(bySend(server.url), loginTokens({ token: "t" }, signal)), context);
    expect(await (await transport("/", GET)).json()).toEqual({ ok: true });
  });

  test("waits about two minutes, and of requests side by side one says so", async () => {
    let waited = 0;
    const said: string[] = [];
    const away: Transport = async () => {
      throw unreachable("https://a.test", "is not there yet", { retry: "away" });
    };
    const pause = async (ms: number) => {
      waited += ms;
    };
    const transport = withWaiting(away, { signal, pause, err: (line) => void said.push(line) });
    const ends = await Promise.allSettled([transport("/", GET), transport("/", GET)]);
    expect(ends.map((end) => end.status === "rejected" && end.reason.code)).toEqual(["agent_unreachable", "agent_unreachable"]);
    expect(waited / ends.length).toBe(121_000);
    expect(said).toEqual(["the davit agent at https://a.test is not there yet; waiting two minutes for it"]);
  });

  test("what does not answer at all is not waited for so long", async () => {
    const gone: Transport = async () => {
      throw unreachable("https://a.test", "does not answer", { retry: true });
    };
    const pause = () => Promise.reject(new Error("waited"));
    await expect(withWaiting(gone, { ...context, pause })("/", GET)).rejects.toMatchObject({ code: "agent_unreachable" });
  });
});

describe("withWholeAnswers", () => {
  const ask = (send: Parameters<typeof withWholeAnswers>[0]) => withWholeAnswers(send, "https://a.test")("/", GET, new Secret("t"));

  test("an answer that breaks off counts as none, so it is asked for again", async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(Object.assign(new TypeError("closed"), { code: "ECONNRESET" })) });
    const answering = async () => new Response(broken, { headers: { "content-type": "application/json" } });
    await expect(ask(answering)).rejects.toMatchObject({ code: "agent_unreachable", details: { retry: "true" } });
  });

  test("a page of something else is not taken for the agent's answer", async () => {
    const page = async () => new Response("<html>", { headers: { "content-type": "text/html" } });
    await expect(ask(page)).rejects.toMatchObject({ code: "agent_unreachable", details: { server: "https://a.test" } });
  });
});

describe("withToken", () => {
  const tokens = (...list: string[]) => ({
    get: async () => new Secret(list[0] ?? ""),
    renew: async () => (list.length > 1 ? new Secret(list[1] ?? "") : undefined),
  });

  test("renews once after token_rejected", async () => {
    const used: string[] = [];
    const transport = withToken(
      async (_path, _request, token) => {
        used.push(token.reveal());
        return rejected();
      },
      tokens("old", "new"),
    );
    expect((await transport("/", GET)).status).toBe(401);
    expect(used).toEqual(["old", "new"]);
  });

  test("passes the refusal on where there is no other token, and other 401s as they are", async () => {
    const fixed = withToken(async () => rejected(), tokens("only"));
    expect(await (await fixed("/", GET)).json()).toMatchObject({ fault: { code: "token_rejected" } });
    const proxy = withToken(async () => new Response("who?", { status: 401 }), tokens("a", "b"));
    expect(await (await proxy("/", GET)).text()).toBe("who?");
  });

  test("a token command runs once, and again after a rejection", async () => {
    const counter = `/tmp/davit-test-${crypto.randomUUID()}`;
    const source = loginTokens({ tokenCommand: `echo x >> ${counter}; wc -l < ${counter}` }, signal);
    const [first, second] = [await source.get(), await source.get()];
    expect([first.reveal(), second.reveal(), (await source.renew())?.reveal()]).toEqual(["1", "1", "2"]);
    await Bun.file(counter).delete();
  });

  test.each([
    ["echo nope >&2; exit 3", "the login's token command failed with exit code 3: nope"],
    ["true", "the login's token command printed nothing"],
  ])("a token command that fails: %s", async (tokenCommand, message) => {
    await expect(loginTokens({ tokenCommand }, signal).get()).rejects.toMatchObject({ code: "token_rejected", message });
  });
});

describe("withHeartbeat", () => {
  test("breaks a stream that fell silent", async () => {
    const silent: Transport = async () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("one\n")),
        }),
        { headers: { "content-type": "application/x-ndjson" } },
      );
    const response = await withHeartbeat(silent, 5)("/", GET);
    await expect(response.text()).rejects.toThrow("nothing was heard for 5 ms");
  });

  test("leaves other answers alone", async () => {
    const answer = Response.json({});
    expect(await withHeartbeat(async () => answer, 5)("/", GET)).toBe(answer);
  });
});

function disposable(server: Bun.Server<undefined>): Disposable & { url: string } {
  return { url: server.url.origin, [Symbol.dispose]: () => void server.stop(true) };
}
