import { sleep } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink, TinkerEvent } from '../kernel/diagnostics.ts';
import type { Storage } from './storage.ts';

/** What {@link guarded} needs beside the store. */
export interface GuardOptions {
  readonly clock: Clock;
  readonly emit: EventSink;
  /** Longest wait for one storage call, in milliseconds. @default 2_000 */
  readonly limitMs?: number | undefined;
  /** How long a store that gave trouble is left alone, in milliseconds. @default 30_000 */
  readonly restMs?: number | undefined;
}

/** A store that cannot hurt, and how it fares. */
export interface GuardedStorage extends Storage {
  /** `resting`: it gave trouble lately, and memory stands in for it. */
  readonly health: 'ok' | 'resting';
}

type StorageOperation = (TinkerEvent & { type: 'storage_trouble' })['operation'];

/**
 * A store that cannot hurt: trouble (throwing, rejecting, hanging) becomes a miss and one `storage_trouble` event, and
 * the store is left alone for a while, so that a broken one neither delays every request nor floods the log. For
 * caches and hints only; what must not be lost talks to the store itself.
 */
export function guarded(storage: Storage, options: GuardOptions): GuardedStorage {
  const { clock, emit, limitMs = 2_000, restMs = 30_000 } = options;
  let restsUntil = Number.NEGATIVE_INFINITY;
  const isResting = (): boolean => clock.monotonic() < restsUntil;

  async function attempt<T>(
    operation: StorageOperation,
    key: string,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    if (isResting()) return undefined;
    const timer = new AbortController();
    const expiry = sleep(clock, limitMs, timer.signal, { background: true }).then(() => {
      throw new Error(`no answer within ${limitMs} ms`);
    });
    try {
      return await Promise.race([work(), expiry]);
    } catch (error) {
      // Calls that were under way together fail together, and one of them tells.
      if (isResting()) return undefined;
      restsUntil = clock.monotonic() + restMs;
      const message = error instanceof Error ? error.message : String(error);
      emit({ type: 'storage_trouble', operation, key, message });
      return undefined;
    } finally {
      timer.abort();
    }
  }

  const guard: GuardedStorage = {
    get health() {
      return isResting() ? 'resting' : 'ok';
    },
    get: (key) => attempt('get', key, async () => storage.get(key)),
    set: (key, value, setOptions) => attempt('set', key, async () => storage.set(key, value, setOptions)),
    delete: (key) => attempt('delete', key, async () => storage.delete(key)),
    ...(storage.update === undefined
      ? {}
      : {
          update: (key, change, setOptions) =>
            attempt('update', key, async () => storage.update?.(key, change, setOptions)),
        }),
  };
  return guard;
}
