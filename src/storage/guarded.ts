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
}

type StorageOperation = (TinkerEvent & { type: 'storage_trouble' })['operation'];

/**
 * A store that cannot hurt: trouble (throwing, rejecting, hanging) becomes a miss and one `storage_trouble` event.
 * For caches and hints only; what must not be lost talks to the store itself.
 */
export function guarded(storage: Storage, options: GuardOptions): Storage {
  const { clock, emit, limitMs = 2_000 } = options;

  async function attempt<T>(
    operation: StorageOperation,
    key: string,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const timer = new AbortController();
    const expiry = sleep(clock, limitMs, timer.signal).then(() => {
      throw new Error(`no answer within ${limitMs} ms`);
    });
    try {
      return await Promise.race([work(), expiry]);
    } catch (error) {
      emit({
        type: 'storage_trouble',
        operation,
        key,
        message: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    } finally {
      timer.abort();
    }
  }

  const guard: Storage = {
    get: (key) => attempt('get', key, async () => storage.get(key)),
    set: (key, value, setOptions) => attempt('set', key, async () => storage.set(key, value, setOptions)),
    delete: (key) => attempt('delete', key, async () => storage.delete(key)),
  };
  if (storage.update === undefined) return guard;
  return {
    ...guard,
    update: (key, change, setOptions) =>
      attempt('update', key, async () => storage.update?.(key, change, setOptions)),
  };
}
