/** The layer under davit's own: C library, CA bundle, accounts. `file` holds it compressed; the digests are those of the OCI manifest. */
export type BaseLayer = { file: string; digest: string; size: number; diffId: string; architecture: "amd64" | "arm64" };

/**
 * Only the compiled Linux binary has it: `scripts/build.ts` gathers the files and puts this module's other version into the bundle,
 * so that no binary file is ever committed.
 */
export const baseLayer = null as BaseLayer | null;
