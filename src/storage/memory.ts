import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Storage, StorageSetOptions } from './storage.ts';

interface Entry {
  readonly value: Uint8Array<ArrayBuffer>;
  /** Wall time; `Infinity` without a lifetime. */
  readonly expiresAt: number;
}

/**
 * A {@link Storage} in this process's memory: gone with it, private to it, atomic. Expired values are dropped when
 * they are next asked for, so it needs no timer.
 *
 * @param clock - Decides expiry. @default the system clock
 */
export function memoryStorage(clock: Clock = systemClock): Storage & Required<Pick<Storage, 'update'>> {
  const entries = new Map<string, Entry>();

  const read = (key: string): Uint8Array<ArrayBuffer> | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (clock.now() < entry.expiresAt) return entry.value.slice();
    entries.delete(key);
    return undefined;
  };
  const write = (key: string, value: Uint8Array, options: StorageSetOptions | undefined): void => {
    const expiresAt = options?.ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + options.ttlMs;
    entries.set(key, { value: new Uint8Array(value), expiresAt });
  };

  return {
    get: async (key) => read(key),
    set: async (key, value, options) => write(key, value, options),
    delete: async (key) => {
      entries.delete(key);
    },
    update: async (key, change, options) => {
      const next = change(read(key));
      if (next === undefined) entries.delete(key);
      else write(key, next, options);
      return read(key);
    },
  };
}
