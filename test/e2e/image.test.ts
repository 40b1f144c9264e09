import { expect, test } from "bun:test";
import type { V1Deployment, V1Pod } from "#shared/kube/objects";
import type { PushResult } from "#shared/push-event";
import { appFiles, davit, folder, kube, parseEvents, push, tenant } from "#test/lab";
import { labTest } from "#test/lab-test";
import { publishApp } from "#test/mirror";

async function pushImage(image: string, args: readonly string[]): Promise<PushResult & { exit: number; notices: string[] }> {
  const done = await davit(["push", "--image", image, "-o", "events", ...args]);
  const events = parseEvents(done.stdout);
  const last = events.at(-1);
  if (last?.type !== "done") throw new Error(`the push did not end (exit ${done.code}): ${done.stderr}`);
  return { ...last.result, exit: done.code, notices: events.flatMap((event) => (event.type === "notice" ? [event.message] : [])) };
}

async function podsOf(namespace: string): Promise<string[]> {
  const pods = await (await kube()).list<V1Pod>({ apiVersion: "v1", kind: "Pod", namespace });
  return pods
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .map(({ metadata }) => metadata?.uid ?? "")
    .sort();
}

async function imageOf(namespace: string, name: string) {
  const deployment = await (await kube()).get<V1Deployment>({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
  const { image, imagePullPolicy } = deployment?.spec?.template.spec?.containers[0] ?? {};
  return { image, imagePullPolicy };
}

labTest(
  "an image runs by its digest: again it is unchanged, a tag that moved is a new version, and a rollback is to what ran",
  async () => {
    await using space = await tenant("image");
    const [app, repository] = [space.app("ready"), `davit-test/${space.name}`];
    const args = ["--name", app, "-n", space.name];
    const answer = async (url: string | null) => await (await fetch(url ?? "")).text();
    const one = await publishApp(repository, "1", "one");

    const first = await pushImage(`${repository}:1`, args);
    expect(first).toMatchObject({ outcome: "live", exit: 0, revision: 1, image: `docker.io/${repository}@${one}`, source: `image:${repository}:1` });
    expect(await answer(first.url)).toBe("one");
    expect(await imageOf(space.name, app)).toEqual({ image: `docker.io/${repository}@${one}`, imagePullPolicy: "IfNotPresent" });

    const pods = await podsOf(space.name);
    expect(await pushImage(`docker.io/${repository}:1`, args)).toMatchObject({ outcome: "unchanged", exit: 0, url: first.url });
    expect(await pushImage(`${repository}@${one}`, args)).toMatchObject({ outcome: "unchanged", exit: 0 });
    expect(await podsOf(space.name)).toEqual(pods);
    expect((await davit(["app", "scale", app, "2", "-n", space.name])).code).toBe(0);
    expect(await podsOf(space.name)).toContain(pods[0] ?? "");

    const two = await publishApp(repository, "1", "two");
    const second = await pushImage(`${repository}:1`, args);
    expect(second).toMatchObject({ outcome: "live", image: `docker.io/${repository}@${two}` });
    expect(await answer(second.url)).toBe("two");

    const missing = await pushImage(`${repository}:never`, args);
    expect(missing).toMatchObject({ outcome: "failed", exit: 59, fault: { code: "image_not_found" } });
    expect(await answer(first.url)).toBe("two");

    const back = await davit(["app", "rollback", app, "1", "-n", space.name, "-o", "json"]);
    expect(JSON.parse(back.stdout)).toMatchObject({ outcome: "live", image: `docker.io/${repository}@${one}` });
    expect(await answer(first.url)).toBe("one");

    const restage = await davit(["app", "restage", app, "-n", space.name, "-o", "json"]);
    expect({ code: restage.code, fault: JSON.parse(restage.stdout).fault.code }).toEqual({ code: 2, fault: "usage" });
  },
  120_000,
);

labTest(
  "an image whose registry tells nothing runs as it is named, with a notice; the node has the last word",
  async () => {
    await using space = await tenant("dark");
    const [app, repository] = [space.app("ready"), `davit-test/${space.name}`];
    await publishApp(repository, "1", "still here");
    const args = ["--name", app, "-n", space.name];
    const good = await pushImage(`${repository}:1`, args);
    expect(good.outcome).toBe("live");
    // This machine is nobody that the agent would ask.
    const dark = await pushImage("localhost:1/team/shop:1", args);
    expect(dark).toMatchObject({ outcome: "failed", exit: 63, fault: { code: "image_pull" }, image: "localhost:1/team/shop:1" });
    expect(dark.notices.join("\n")).toContain("the digest of localhost:1/team/shop:1 is not known");
    expect(await (await fetch(good.url ?? "")).text()).toBe("still here");
  },
  120_000,
);

test("what davit built for one app can be pushed as an image of another, within the namespace", async () => {
  await using space = await tenant("promote");
  await using other = await tenant("stranger");
  using source = folder(appFiles("built once"));
  const built = await push(source.path, ["--name", space.app("stage"), "-n", space.name]);
  expect(built.outcome).toBe("live");
  const promoted = await pushImage(built.image ?? "", ["--name", space.app("prod"), "-n", space.name]);
  expect(promoted).toMatchObject({ outcome: "live", image: built.image });
  expect(await (await fetch(promoted.url ?? "")).text()).toBe("built once");
  const byRevision = (built.image ?? "").replace(/@.*/, ":1");
  expect(await pushImage(byRevision, ["--name", space.app("prod"), "-n", space.name])).toMatchObject({ outcome: "unchanged" });
  const refused = await pushImage(built.image ?? "", ["--name", other.app("thief"), "-n", other.name]);
  expect(refused).toMatchObject({ outcome: "failed", exit: 59, fault: { code: "image_not_found" } });
  const gone = await pushImage((built.image ?? "").replace(/.{8}$/, "00000000"), ["--name", space.app("prod"), "-n", space.name]);
  expect(gone).toMatchObject({ outcome: "failed", exit: 59 });
}, 120_000);
