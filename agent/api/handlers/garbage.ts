import { Fault } from "#shared/fault";
import type { GarbageItem } from "#shared/garbage";
import type { Api, ApiHandlers } from "../context.ts";

export function garbageHandlers({ auth, collector }: Api): Pick<ApiHandlers, "collectGarbage" | "explainGarbage"> {
  return {
    collectGarbage: async function* ({ body }, caller) {
      const { dryRun, namespace } = await body();
      await auth.authorize(caller, dryRun ? "get" : "delete", "garbage", namespace);
      for await (const item of collector.run({ dryRun, namespace })) if (item.action !== "keep") yield item;
    },
    explainGarbage: async ({ query: { ref, namespace } }, caller) => {
      await auth.authorize(caller, "get", "garbage", namespace);
      const items: GarbageItem[] = [];
      for await (const item of collector.run({ dryRun: true, namespace })) if (item.ref.includes(ref)) items.push(item);
      if (items.length === 0) throw new Fault("ref_not_found", `nothing is called '${ref}', and nothing's name has it as a part`);
      return items;
    },
  };
}
