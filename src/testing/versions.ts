import type { Clock } from '../kernel/clock.ts';
import type { StorageSetOptions } from '../storage/storage.ts';

/** One value a key has had. */
interface Version {
  /** `undefined` for a deletion. */
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  /** Who wrote it, and sees it at once. */
  readonly context: number;
  /** From when the others see it, in monotonic time. */
  readonly visibleAt: number;
  /** Wall time; `Infinity` without a lifetime. */
  readonly expiresAt: number;
}

/** Values that contexts share, where what one writes may reach the others late. */
export interface Versions {
  /** Versions kept, of all keys together. */
  readonly size: number;
  /** What a context sees: its own writes at once, and never anything older than it has seen before. */
  read(context: number, key: string): Uint8Array<ArrayBuffer> | undefined;
  /** Keep a copy of a value, or of none. */
  write(
    context: number,
    key: string,
    value: { readonly bytes: Uint8Array | undefined; readonly options?: StorageSetOptions | undefined },
  ): void;
}

/** @param lagMs - How late the next write reaches the others, asked once per write. */
export function createVersions(clock: Clock, lagMs: () => number): Versions {
  /** Of each key, the newest first. */
  const histories = new Map<string, readonly Version[]>();

  return {
    get size() {
      return [...histories.values()].reduce((sum, versions) => sum + versions.length, 0);
    },
    read(context, key) {
      const now = clock.monotonic();
      const seen = histories
        .get(key)
        ?.find((version) => version.context === context || version.visibleAt <= now);
      return seen !== undefined && clock.now() < seen.expiresAt ? seen.value?.slice() : undefined;
    },
    write(context, key, { bytes, options }) {
      const now = clock.monotonic();
      const version = {
        value: bytes && new Uint8Array(bytes),
        context,
        visibleAt: now + lagMs(),
        expiresAt: options?.ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + options.ttlMs,
      };
      const older = histories.get(key) ?? [];
      // What is older than a version that everybody sees, nobody sees again.
      const common = older.findIndex(({ visibleAt }) => visibleAt <= now);
      histories.set(key, [version, ...(common === -1 ? older : older.slice(0, common + 1))]);
    },
  };
}
