/**
 * The three functions of reflect-metadata that @peculiar/x509's container asks for at import; it stores a handful of
 * parameter lists with them. The package itself adds 50 kB of standard-track API that nobody else here uses.
 */
const store = new WeakMap<object, Map<unknown, unknown>>();

function getOwn(key: unknown, target: object): unknown {
  return store.get(target)?.get(key);
}

function get(key: unknown, target: object | null): unknown {
  for (let at = target; at !== null; at = Object.getPrototypeOf(at)) if (store.get(at)?.has(key)) return getOwn(key, at);
  return undefined;
}

function define(key: unknown, value: unknown, target: object): void {
  const known = store.get(target) ?? new Map();
  store.set(target, known.set(key, value));
}

/** Adds them to `Reflect` unless something has already. */
export function polyfillReflect(): void {
  const reflect = Reflect as unknown as Record<string, unknown>;
  if (!reflect.getMetadata) Object.assign(reflect, { getMetadata: get, getOwnMetadata: getOwn, defineMetadata: define });
}
