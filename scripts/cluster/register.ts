import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, rm, rmdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "./fail.ts";
import { clusterName, DEFAULT_CLUSTER, type Layout, layoutOf, SHARES } from "./layout.ts";
import { locked } from "./lock.ts";

/** The paths and addresses of the cluster that the environment means. */
export function clusterOf(env: Record<string, string | undefined>): Layout {
  return layoutOf(env, new Register().shareOf(clusterName(env)));
}

/** What has to be put back once the last cluster of this machine is gone. */
export type Before = {
  /** Interfaces that did not forward. */
  quietDevices: string[];
  /** Folders outside ours that some server insists on and that were not there. */
  strangeFolders: string[];
  /** The limit of inotify's instances. */
  watches?: number;
};

/**
 * The clusters of this machine. In `folder`, a link called 0 to 7 leads to the name of the cluster with that share of the
 * addresses, for as long as anything of the cluster is there; `before.json` says how the machine was without any of them.
 */
export class Register {
  readonly #folder: string;
  readonly #lock: string;

  constructor(folder = "/var/lib/davit-clusters", lock = "/run/davit-clusters.lock") {
    this.#folder = folder;
    this.#lock = lock;
  }

  /** The names by their shares. */
  clusters(): Map<number, string> {
    if (!existsSync(this.#folder)) return new Map();
    const shares = readdirSync(this.#folder)
      .filter((entry) => /^[0-7]$/.test(entry))
      .sort();
    return new Map(shares.map((share) => [Number(share), readlinkSync(join(this.#folder, share))]));
  }

  /** The cluster's share, or, when it has none yet, the one that it would get. */
  shareOf(cluster: string): number {
    if (cluster === DEFAULT_CLUSTER) return 0;
    const taken = this.clusters();
    for (const [share, name] of taken) if (name === cluster) return share;
    for (let share = 1; share < SHARES; share++) if (!taken.has(share)) return share;
    const named = [...taken.values()].filter((name) => name !== DEFAULT_CLUSTER);
    throw new ClusterError(
      `there are addresses for ${named.length} named clusters, and that many are there: DAVIT_CLUSTER=NAME ./scripts/cluster/down ends one of ${named.join(", ")}`,
    );
  }

  /** Gives the cluster its share. `before` is asked when it is the machine's first. */
  async enter(cluster: string, before: () => Promise<Before>): Promise<number> {
    return this.exclusively(async () => {
      const [share, taken] = [this.shareOf(cluster), this.clusters()];
      await mkdir(this.#folder, { recursive: true });
      if (taken.size === 0) await Bun.write(this.#note, JSON.stringify(await before()));
      if (!taken.has(share)) await symlink(cluster, join(this.#folder, String(share)));
      return share;
    });
  }

  /** Takes the cluster off; `putBack` is called before that when it is the last one. */
  async leave(cluster: string, putBack: (before: Before) => Promise<void>): Promise<void> {
    await this.exclusively(async () => {
      const share = this.shareOf(cluster);
      const others = [...this.clusters().keys()].filter((other) => other !== share);
      if (others.length === 0) await putBack(await this.#before());
      await rm(join(this.#folder, String(share)), { force: true });
      if (others.length > 0) return;
      await rm(this.#note, { force: true });
      await rmdir(this.#folder).catch(() => {});
    });
  }

  /** Runs `work` while nothing that the clusters share is given to another one. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return locked(this.#lock, work);
  }

  get #note(): string {
    return join(this.#folder, "before.json");
  }

  async #before(): Promise<Before> {
    return Bun.file(this.#note)
      .json()
      .catch(() => ({ quietDevices: [], strangeFolders: [] }));
  }
}
