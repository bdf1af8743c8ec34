import type { Storage } from './storage.ts';

/**
 * A part of a store: every key goes under a scope. The scope may be known only later (a digest takes a moment); where
 * it turns out that there is none (`undefined`), nothing is ever found, and nothing is kept.
 *
 * @param scope - Asked once per call; remember the answer if it is dear.
 */
export function scoped(storage: Storage, scope: () => Promise<string | undefined>): Storage {
  const within = async <T>(key: string, work: (key: string) => Promise<T>): Promise<T | undefined> => {
    const prefix = await scope();
    return prefix === undefined ? undefined : work(`${prefix}:${key}`);
  };
  return {
    get: (key) => within(key, (full) => storage.get(full)),
    set(key, value, options) {
      // At once: the caller may change it while the scope is looked up.
      const copy = new Uint8Array(value);
      return within(key, (full) => storage.set(full, copy, options));
    },
    delete: (key) => within(key, (full) => storage.delete(full)),
    ...(storage.update === undefined
      ? {}
      : {
          update: (key, change, options) =>
            within(key, async (full) => storage.update?.(full, change, options)),
        }),
  };
}
