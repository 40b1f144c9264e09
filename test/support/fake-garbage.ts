import type { DavitHandlers } from "#shared/api";
import { Fault } from "#shared/fault";
import type { GarbageItem } from "#shared/garbage";

/** Collects from the list that a test gave. */
export function garbageHandlers(garbage: GarbageItem[]): Pick<DavitHandlers<unknown>, "collectGarbage" | "explainGarbage"> {
  const of = (namespace: string | undefined) => garbage.filter(({ ref }) => namespace === undefined || ref.startsWith(`${namespace}/`));
  return {
    collectGarbage: async function* ({ body }) {
      const { dryRun, namespace } = await body();
      for (const item of of(namespace).filter(({ action }) => action !== "keep")) {
        yield item;
        if (!dryRun && item.action === "collect") garbage.splice(garbage.indexOf(item), 1);
      }
    },
    explainGarbage: async ({ query }) => {
      const found = of(query.namespace).filter(({ ref }) => ref.includes(query.ref));
      if (found.length === 0) throw new Fault("ref_not_found", `nothing is called '${query.ref}'`);
      return found;
    },
  };
}
