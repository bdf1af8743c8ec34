import { sleep } from '../kernel/abort.ts';
import { checkFinite, show } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { RandomSource } from '../kernel/random.ts';
import type { Storage } from '../storage/storage.ts';
import type { Pass } from './gates.ts';
import { createVersions } from './versions.ts';

/** A call of a store. */
export interface StorageCall {
  /** Which method. */
  readonly operation: 'get' | 'set' | 'delete' | 'update';
  /** The key it is about. */
  readonly key: string;
  /** Which context made it: 1 for the first that was opened. */
  readonly context: number;
}

/** A call that was carried out. */
export interface SharedTransaction extends StorageCall {
  /** When: the clock's `monotonic()`. */
  readonly at: number;
}

/**
 * What a store in trouble does: `throw`, before it gives a promise; `reject`, after its latency; `hang` for ever; or be
 * `absent`, as a store that was deleted or never kept anything: nothing is found, and what is written is lost.
 */
export type StorageFault = 'throw' | 'reject' | 'hang' | 'absent';

/** Settings of a {@link SharedStore}. */
export interface SharedStoreOptions {
  /** Passes latency and staleness, and ends lifetimes: usually a virtual clock. */
  readonly clock: Clock;
  /**
   * `strict`: calls of all contexts are carried out one after the other, and there is an atomic `update`, as in IndexedDB.
   * `hint`: calls overlap, there is no `update`, and reads may be stale, as in an edge's key-value store.
   */
  readonly consistency: 'strict' | 'hint';
  /** How late a write reaches the other contexts of a `hint` store, in milliseconds. @default 0 */
  readonly stalenessMs?: number | undefined;
  /** Draws that lateness for each write, from nothing up to `stalenessMs`. @default every write takes all of it */
  readonly random?: RandomSource | undefined;
  /** How long one call takes, in milliseconds. @default 0: no timer */
  readonly latencyMs?: number | undefined;
  /** Decides which calls fail, and how; `fail` goes before it. @default none does */
  readonly faults?: ((call: StorageCall) => StorageFault | undefined) | undefined;
  /**
   * Waited for at the start of each call, with a label like `2:update key`: gates to interleave contexts at.
   * @default none
   */
  readonly pass?: Pass | undefined;
}

/** One store that several contexts (tabs, workers, isolates) have open. */
export interface SharedStore {
  /** What one more context has: a store of its own on the values of all. */
  open(): Storage;
  /** Every call that was carried out, in that order: those that failed or still wait are not among them. */
  readonly transactions: readonly SharedTransaction[];
  /** From now on, fail every call of this operation, or every call at all, until `heal`. */
  fail(operation: StorageCall['operation'] | undefined, mode: StorageFault): void;
  /** End what `fail` began. */
  heal(): void;
}

/** What a call does. */
interface Work<T> {
  /** All at once: nothing comes between its reading and its writing. */
  carryOut(): T;
  /** The same where the store keeps nothing. */
  withoutStore(): T;
}

/**
 * A store for tests of code that shares one between contexts. Values are copied on the way in and out, lifetimes end on
 * the clock's wall time.
 *
 * @throws TinkerInputError - for an option that cannot be right, or staleness in a strict store.
 */
export function createSharedStore(options: SharedStoreOptions): SharedStore {
  const { clock, latencyMs = 0, stalenessMs = 0, random, pass } = options;
  checkOptions(options);
  const isStrict = options.consistency === 'strict';
  const versions = createVersions(clock, () => stalenessMs * (random?.() ?? 1));
  const transactions: SharedTransaction[] = [];
  const faults = new Map<StorageCall['operation'] | undefined, StorageFault>();
  let contexts = 0;
  let last: Promise<unknown> = Promise.resolve();

  const travel = async (): Promise<void> => {
    if (latencyMs > 0) await sleep(clock, latencyMs);
  };
  /** After all that were asked for before, where the store is strict. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    if (!isStrict) return work();
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
  const perform = async <T>(
    call: StorageCall,
    work: Work<T>,
    fault: StorageFault | undefined,
  ): Promise<T> => {
    await pass?.(`${call.context}:${call.operation} ${call.key}`);
    return inTurn(async () => {
      await travel();
      if (fault === 'reject') throw failure(call);
      if (fault === 'absent') return work.withoutStore();
      const result = work.carryOut();
      transactions.push({ ...call, at: clock.monotonic() });
      return result;
    });
  };
  const begin = <T>(call: StorageCall, work: Work<T>): Promise<T> => {
    const fault = faults.get(call.operation) ?? faults.get(undefined) ?? options.faults?.(call);
    if (fault === 'throw') throw failure(call);
    return fault === 'hang' ? new Promise(() => {}) : perform(call, work, fault);
  };

  const open = (context: number): Storage => {
    const plain: Storage = {
      get: (key) =>
        begin(
          { operation: 'get', key, context },
          { carryOut: () => versions.read(context, key), withoutStore: () => undefined },
        ),
      set(key, value, setOptions) {
        // At once: the caller may change it as soon as it has a promise.
        const written = { bytes: new Uint8Array(value), options: setOptions };
        return begin(
          { operation: 'set', key, context },
          { carryOut: () => versions.write(context, key, written), withoutStore: () => {} },
        );
      },
      delete: (key) =>
        begin(
          { operation: 'delete', key, context },
          { carryOut: () => versions.write(context, key, { bytes: undefined }), withoutStore: () => {} },
        ),
    };
    if (!isStrict) return plain;
    return {
      ...plain,
      update: (key, change, setOptions) =>
        begin(
          { operation: 'update', key, context },
          {
            carryOut() {
              const bytes = change(versions.read(context, key));
              versions.write(context, key, { bytes, options: setOptions });
              return versions.read(context, key);
            },
            withoutStore() {
              const bytes = change(undefined);
              return bytes && new Uint8Array(bytes);
            },
          },
        ),
    };
  };

  return {
    open: () => open(++contexts),
    transactions,
    fail: (operation, mode) => void faults.set(operation, mode),
    heal: () => faults.clear(),
  };
}

function checkOptions({ consistency, stalenessMs = 0, latencyMs = 0 }: SharedStoreOptions): void {
  if (consistency !== 'strict' && consistency !== 'hint')
    throw new TinkerInputError('consistency', `must be "strict" or "hint", got ${show(consistency)}`);
  checkFinite('latencyMs', latencyMs, { min: 0 });
  checkFinite('stalenessMs', stalenessMs, { min: 0 });
  if (consistency === 'strict' && stalenessMs > 0)
    throw new TinkerInputError(
      'stalenessMs',
      'must be 0 in a strict store, where every write is seen at once',
    );
}

function failure({ operation, key, context }: StorageCall): Error {
  return new Error(`The store fails ${operation} of "${key}" in context ${context}`);
}
