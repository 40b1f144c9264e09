/** Keys in the bucket. Everything of a tenant lies under its namespace's uid, so tenants share nothing, and a namespace made again starts empty. */
export const keys = {
  tenants: "ns/",
  /** The cluster whose davit has the bucket: what another one put here, its garbage collection would delete. */
  owner: "owner",
  /** When garbage was last collected. */
  lastCollected: "gc/last",
  tenant: (uid: string) => `ns/${uid}/`,
  pack: (uid: string, pack: string) => `ns/${uid}/packs/${pack}`,
  packIndex: (uid: string, pack: string) => `${keys.packIndexes(uid)}${pack}`,
  packIndexes: (uid: string) => `ns/${uid}/chunks-index/`,
  tree: (uid: string, tree: string) => `ns/${uid}/trees/${tree}`,
  /** That a tree was offered and no revision has come of it yet. */
  offer: (uid: string, tree: string) => `ns/${uid}/offers/${tree}`,
  order: (uid: string, app: string, revision: number) => `ns/${uid}/orders/${app}/${revision}`,
  logs: (uid: string, app: string, revision?: number) => `ns/${uid}/logs/${app}/${revision === undefined ? "" : `${revision}/`}`,
};
