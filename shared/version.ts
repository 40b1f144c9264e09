declare const DAVIT_VERSION: string | undefined;

/** This build's version; `scripts/build.ts` defines it, a run from source says `0.0.0-dev`. */
export const VERSION: string = typeof DAVIT_VERSION === "string" ? DAVIT_VERSION : "0.0.0-dev";

/** Number of the CLI <-> agent contract. Raised only by a change that an older peer cannot ignore. */
export const PROTOCOL = 1;
