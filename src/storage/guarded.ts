import { sleep } from '../kernel/abort.ts';
import { decodeUtf8 } from '../kernel/bytes.ts';
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
  /** Whether a value is one that its reader understands. One that is not is told of, and given all the same. @default all are */
  readonly isReadable?: ((value: Uint8Array) => boolean) | undefined;
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
 *
 * An update that was given up changes nothing any more when the store comes to it later. A value that cannot be read is
 * no trouble of the store's: it is not left alone for it, and the event (`parse`) comes once in that while.
 */
export function guarded(storage: Storage, options: GuardOptions): GuardedStorage {
  const { clock, emit, limitMs = 2_000, restMs = 30_000, isReadable = () => true } = options;
  let restsUntil = Number.NEGATIVE_INFINITY;
  let quietUntil = Number.NEGATIVE_INFINITY;
  const isResting = (): boolean => clock.monotonic() < restsUntil;

  /** @param work - Given a signal that aborts when nobody waits for it any more. */
  async function attempt<T>(
    operation: StorageOperation,
    key: string,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    if (isResting()) return undefined;
    const timer = new AbortController();
    const expiry = sleep(clock, limitMs, timer.signal, { background: true }).then(() => {
      throw new Error(`no answer within ${limitMs} ms`);
    });
    try {
      return await Promise.race([work(timer.signal), expiry]);
    } catch (error) {
      // Calls that were under way together fail together, and one of them tells.
      if (isResting()) return undefined;
      restsUntil = clock.monotonic() + restMs;
      emit({ type: 'storage_trouble', operation, key, message: reasonOf(error) });
      return undefined;
    } finally {
      timer.abort();
    }
  }

  /** Hand a value on, and tell if it cannot be read. */
  const seen = <T extends Uint8Array | undefined>(key: string, value: T): T => {
    const isQuiet = isResting() || clock.monotonic() < quietUntil;
    if (value === undefined || isQuiet || isReadable(value)) return value;
    quietUntil = clock.monotonic() + restMs;
    emit({ type: 'storage_trouble', operation: 'parse', key, message: 'not a value of this version' });
    return value;
  };

  const guard: GuardedStorage = {
    get health() {
      return isResting() ? 'resting' : 'ok';
    },
    get: (key) => attempt('get', key, async () => seen(key, await storage.get(key))),
    set: (key, value, setOptions) => attempt('set', key, async () => storage.set(key, value, setOptions)),
    delete: (key) => attempt('delete', key, async () => storage.delete(key)),
    ...(storage.update === undefined
      ? {}
      : {
          update: (key, change, setOptions) =>
            attempt('update', key, async (signal) =>
              storage.update?.(
                key,
                // Whoever asked for it has gone on without the store.
                (current) => (signal.aborted ? current : change(seen(key, current))),
                setOptions,
              ),
            ),
        }),
  };
  return guard;
}

/** Whether a value is what this version of the client keeps: an object as JSON that says it is of version 1. */
export function isOfThisVersion(value: Uint8Array): boolean {
  try {
    const { v, version = v } = Object(JSON.parse(decodeUtf8(value))) as Readonly<Record<string, unknown>>;
    return version === 1;
  } catch {
    return false;
  }
}

/** A platform's errors say more with their names than with their messages, which may be empty. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message } = error;
  return name === 'Error' ? message : [name, message].filter((part) => part !== '').join(': ');
}
