import { afterEach, expect, test } from "bun:test";
import { startVersity } from "#test/versity";
import { openStore } from "./object-store.ts";

const VARIABLES = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"] as const;
afterEach(() => {
  for (const name of VARIABLES) delete process.env[name];
});

test("with a role, the key comes from the container's endpoint, with its token, and is asked for again before it ends", async () => {
  await using versity = await startVersity();
  const asked: (string | null)[] = [];
  let secondsLeft = 3600;
  const key = () => ({
    AccessKeyId: "test",
    SecretAccessKey: "test-secret",
    Token: "",
    Expiration: new Date(Date.now() + secondsLeft * 1000).toISOString(),
  });
  const endpoint = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ headers }) => {
      asked.push(headers.get("authorization"));
      return Response.json(key());
    },
  });
  process.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = `http://127.0.0.1:${endpoint.port}/v1/credentials`;
  process.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "of-the-pod";
  try {
    const store = await openStore({ ...versity.place, credentials: "environment" });
    await store.put("a", Buffer.from("by a role"));
    expect(new TextDecoder().decode(await store.get("a"))).toBe("by a role");
    expect(asked).toEqual(["of-the-pod"]);

    secondsLeft = 60;
    const soon = await openStore({ ...versity.place, credentials: "environment" });
    await soon.get("a");
    expect(asked.length).toBeGreaterThan(2);
  } finally {
    await endpoint.stop(true);
  }
});
