import { Fault } from "#shared/fault";
import type { Api, ApiHandlers } from "../context.ts";

export function configurationHandlers(
  _api: Api,
): Pick<ApiHandlers, "listConfigurations" | "showConfiguration" | "putConfiguration" | "deleteConfiguration"> {
  const later = async (): Promise<never> => {
    throw new Fault("usage", "configurations come in a later version");
  };
  return { listConfigurations: later, showConfiguration: later, putConfiguration: later, deleteConfiguration: later };
}
