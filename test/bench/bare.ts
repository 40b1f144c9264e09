import type { V1Deployment, V1PodSpec } from "#shared/kube/objects";
import { mintBuildCredential } from "#shared/registry/credential";
import { registryKeyOf } from "#shared/registry/key";
import { Secret } from "#shared/secret";
import { kubeApply, kubectl, kubeGet, run } from "./commands.ts";
import { copyWorkload } from "./workload.ts";

const READY = "/ready";
const NAME = "bare";
const BUILD_SECONDS = 45;
const CREDENTIAL_SECONDS = 6 * 3600;

/** Where davit's own builds find things; the bare pipeline gets the same. */
interface Platform {
  registry: string;
  kanikoImage: string;
  mirrors: string[];
}

/** What one run of the bare pipeline took, in ms. */
export interface BareRun {
  build: number;
  setImage: number;
  rollout: number;
  curl: number;
  total: number;
}

/**
 * What somebody without davit does: the source lies ready on a volume, a fresh kaniko Job builds and pushes it, and kubectl rolls
 * it out. It lives in a tenant of davit's, so that the nodes may pull, and runs the Pod that davit runs.
 */
export class BarePipeline {
  readonly url: string;
  readonly #namespace: string;
  readonly #platform: Platform;
  #count = 0;
  #node = "";

  private constructor(namespace: string, url: string, platform: Platform) {
    this.#namespace = namespace;
    this.url = url;
    this.#platform = platform;
  }

  /** Sets it up beside an app that davit runs, with a copy of that app's folder, and rolls it out once. */
  static async beside(app: { name: string; namespace: string; url: string; folder: string }): Promise<BarePipeline> {
    const url = app.url.replace(`//${app.name}.`, `//${NAME}-${app.name}.`);
    const pipeline = new BarePipeline(app.namespace, url, await platformOf());
    await pipeline.#prepareVolume(app.folder);
    await pipeline.#prepareBuilds();
    await pipeline.#build();
    await copyWorkload(app.name, { name: NAME, namespace: app.namespace, url, image: pipeline.#image() });
    return pipeline;
  }

  /** Changes one file of the ready folder; not part of what is measured. */
  async change(version: string): Promise<void> {
    await this.#kubectl("exec", "helper", "--", "/busybox/sh", "-c", `printf %s ${version} > ${READY}/version.txt && sync`);
  }

  /** Job, wait, set image, rollout status, curl. */
  async run(version: string): Promise<BareRun> {
    const marks = [performance.now()];
    const mark = () => marks.push(performance.now());
    const image = await this.#build();
    mark();
    await this.#kubectl("set", "image", `deployment/${NAME}`, `app=${image}`);
    mark();
    await this.#kubectl("rollout", "status", `deployment/${NAME}`, "--timeout=120s");
    mark();
    for (let tries = 0; (await run(["curl", "-s", "--max-time", "5", this.url])).stdout !== version; tries++) {
      if (tries > 1000) throw new Error(`${this.url} does not answer what was built`);
      await Bun.sleep(10);
    }
    mark();
    const [build = 0, setImage = 0, rollout = 0, curl = 0] = marks.slice(1).map((at, index) => at - (marks[index] ?? 0));
    return { build, setImage, rollout, curl, total: performance.now() - (marks[0] ?? 0) };
  }

  #kubectl(...args: string[]): Promise<string> {
    return kubectl("-n", this.#namespace, ...args);
  }

  /** What was built last. */
  #image(): string {
    return `${this.#platform.registry}/${this.#namespace}/${NAME}:${this.#count}`;
  }

  async #build(): Promise<string> {
    const name = `${NAME}-${++this.#count}`;
    const image = this.#image();
    await kubeApply(this.#job(name, image));
    try {
      await this.#kubectl("wait", "--for=condition=complete", `job/${name}`, `--timeout=${BUILD_SECONDS}s`);
    } catch (cause) {
      // A Job that failed is one more that never gets complete; its log tells which it was.
      const log = await this.#kubectl("logs", `job/${name}`, "--tail=5").catch(() => "it has no log");
      throw new Error(`the bare pipeline's ${name} was not built in ${BUILD_SECONDS} s: ${log}`, { cause });
    }
    return image;
  }

  async #prepareVolume(folder: string): Promise<void> {
    const metadata = { name: "ready", namespace: this.#namespace };
    const volume = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const helper: V1PodSpec = {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          name: "helper",
          image: this.#platform.kanikoImage,
          command: ["/busybox/sleep", "86400"],
          volumeMounts: [{ name: "ready", mountPath: READY }],
        },
      ],
      volumes: [{ name: "ready", persistentVolumeClaim: { claimName: "ready" } }],
    };
    await kubeApply(
      { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec: volume },
      { apiVersion: "v1", kind: "Pod", metadata: { name: "helper", namespace: this.#namespace }, spec: helper },
    );
    await this.#kubectl("wait", "--for=condition=Ready", "pod/helper", "--timeout=120s");
    const tar = Bun.spawn(["tar", "-cf", "-", "-C", folder, "."], { stdout: "pipe" });
    const stdin = await new Response(tar.stdout).blob();
    await run(["kubectl", "-n", this.#namespace, "exec", "-i", "helper", "--", "/busybox/tar", "-xf", "-", "-C", READY], { stdin });
    this.#node = (await kubeGet<{ spec: { nodeName: string } }>("-n", this.#namespace, "pod", "helper")).spec.nodeName;
  }

  /** The registry's certificate, and a credential for one repository, as davit gives its own builds. */
  async #prepareBuilds(): Promise<void> {
    const { data } = await kubeGet<{ data: Record<string, string> }>("-n", "davit", "secret", "davit-registry-key");
    const trust = await kubeGet<{ data: Record<string, string> }>("-n", "davit", "configmap", "davit-trust");
    const key = await registryKeyOf(new Secret(atob(data["private.jwk.json"] ?? "")));
    const password = await mintBuildCredential(key, { repository: `${this.#namespace}/${NAME}`, ttlSeconds: CREDENTIAL_SECONDS });
    const config = { auths: { [this.#platform.registry]: { auth: btoa(`build:${password.reveal()}`) } } };
    const metadata = { name: "bare-build", namespace: this.#namespace };
    await kubeApply(
      { apiVersion: "v1", kind: "ConfigMap", metadata, data: trust.data },
      { apiVersion: "v1", kind: "Secret", metadata, stringData: { "config.json": JSON.stringify(config) } },
    );
  }

  #job(name: string, image: string): object {
    const { registry, mirrors, kanikoImage } = this.#platform;
    const args = [`--context=dir://${READY}`, `--destination=${image}`, `--registry-certificate=${registry}=/trust/ca.crt`, ...mirrors];
    const mounts = [
      { name: "ready", mountPath: READY, readOnly: true },
      { name: "trust", mountPath: "/trust", readOnly: true },
      { name: "config", mountPath: "/kaniko/.docker", readOnly: true },
    ];
    const pod: V1PodSpec = {
      restartPolicy: "Never",
      // A volume is on one node; the Job's Pod is sent there without looking for it.
      nodeSelector: { "kubernetes.io/hostname": this.#node },
      automountServiceAccountToken: false,
      containers: [{ name: "kaniko", image: kanikoImage, command: ["/kaniko/executor"], args, volumeMounts: mounts }],
      volumes: [
        { name: "ready", persistentVolumeClaim: { claimName: "ready" } },
        { name: "trust", configMap: { name: "bare-build" } },
        { name: "config", secret: { secretName: "bare-build" } },
      ],
    };
    return {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name, namespace: this.#namespace },
      spec: { backoffLimit: 0, template: { spec: pod } },
    };
  }
}

async function platformOf(): Promise<Platform> {
  const agent = await kubeGet<V1Deployment>("-n", "davit", "deployment", "davit-agent");
  const env = new Map(agent.spec?.template.spec?.containers[0]?.env?.map(({ name, value }) => [name, value ?? ""]));
  const mirrors = (env.get("DAVIT_REGISTRY_MIRRORS") ?? "").split(",").filter((mirror) => mirror !== "");
  return {
    registry: env.get("DAVIT_REGISTRY") ?? "",
    kanikoImage: env.get("DAVIT_KANIKO_IMAGE") ?? "",
    mirrors: mirrors.flatMap((mirror) => mirrorArgs(mirror.slice(0, mirror.indexOf("=")), new URL(mirror.slice(mirror.indexOf("=") + 1)))),
  };
}

function mirrorArgs(registry: string, url: URL): string[] {
  const from = registry === "docker.io" ? "index.docker.io" : registry;
  return [`--registry-map=${from}=${url.host}`, ...(url.protocol === "http:" ? [`--insecure-registry=${url.host}`] : [])];
}
