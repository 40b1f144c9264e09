import { test } from "bun:test";

/** Whether the cluster is the one of scripts/cluster: its Pods reach this machine, and its nodes pull from the mirror here. */
export const onLab = process.env.DAVIT_DOMAIN !== undefined;

/** A test that needs that. With `scripts/test --context` it is skipped, and the script counts it and says why. */
export const labTest = test.skipIf(!onLab);
