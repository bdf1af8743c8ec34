import { promisifyRequest } from 'idb-keyval';
import { encodeUtf8 } from '../kernel/bytes.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { Storage, StorageSetOptions } from './storage.ts';

/** Settings of {@link indexedDbStorage}. */
export interface IndexedDbStorageOptions {
  /** Name of the database: one of its own, in which nothing else is kept. @default 'isotinker' */
  readonly name?: string | undefined;
  /** Decides expiry. @default the system clock */
  readonly clock?: Clock | undefined;
}

/** What is kept under a key: structured, so that bytes stay bytes. Whatever else is found there is no value. */
interface Row {
  readonly v: 1;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Wall time; for ever without it. */
  readonly expiresAt?: number;
}

/**
 * One transaction about a key on the only object store of the database, to its end. Resolves to the result of the
 * request that `work` makes last.
 */
type Transact = (
  mode: IDBTransactionMode,
  key: string,
  work: (store: IDBObjectStore) => IDBRequest | Promise<IDBRequest>,
  isRetry?: boolean,
) => Promise<unknown>;

/**
 * A {@link Storage} in IndexedDB: it outlives the page, all pages and workers of an origin share it, and `update` is
 * atomic among them. The first call opens the database. When the connection is lost (the database is deleted, or
 * upgraded, or the browser closes it) the next call opens another. Expired values are dropped when they are next asked
 * for, so it needs no timer.
 *
 * Calls reject with the platform's own error (`QuotaExceededError`, `AbortError`), and with a {@link TinkerInputError}
 * where IndexedDB is absent or forbidden, or a key is longer than 512 bytes. They hang where the platform hangs. A
 * client that is given this store puts up with all of it.
 */
export function indexedDbStorage(
  options: IndexedDbStorageOptions = {},
): Storage & Required<Pick<Storage, 'update'>> {
  const { name = 'isotinker', clock = systemClock } = options;
  const transact = connector(name);

  /** `null`: it has expired; `undefined`: it is no value. */
  const bytesOf = (row: unknown): Row['bytes'] | null | undefined => {
    const { v, bytes, expiresAt = Number.POSITIVE_INFINITY } = Object(row) as Partial<Row>;
    const isRow = v === 1 && bytes instanceof Uint8Array && typeof expiresAt === 'number' && expiresAt >= 0;
    if (!isRow) return undefined;
    return clock.now() < expiresAt ? bytes : null;
  };
  const rowOf = (value: Uint8Array, { ttlMs }: StorageSetOptions = {}): Row => ({
    v: 1,
    bytes: new Uint8Array(value),
    ...(ttlMs !== undefined && { expiresAt: clock.now() + ttlMs }),
  });
  /** Read, decide and write in one transaction. */
  const revise = async (
    key: string,
    decide: (row: unknown) => Row | undefined,
  ): Promise<Row['bytes'] | undefined> => {
    let next: Row | undefined;
    // Where `decide` throws nothing was asked to be written.
    await transact('readwrite', key, async (store) => {
      next = decide(await promisifyRequest<unknown>(store.get(key)));
      return next ? store.put(next, key) : store.delete(key);
    });
    return next?.bytes;
  };

  return {
    async get(key) {
      const bytes = bytesOf(await transact('readonly', key, (store) => store.get(key)));
      // Another context may have put a new value there meanwhile. That the old one cannot be deleted harms nobody.
      if (bytes === null)
        await revise(key, (row) => (bytesOf(row) === null ? undefined : (row as Row))).catch(() => {});
      return bytes ?? undefined;
    },
    async set(key, value, setOptions) {
      const row = rowOf(value, setOptions);
      await transact('readwrite', key, (store) => store.put(row, key));
    },
    async delete(key) {
      await transact('readwrite', key, (store) => store.delete(key));
    },
    update: (key, change, setOptions) =>
      revise(key, (row) => {
        const next = change(bytesOf(row) ?? undefined);
        return next && rowOf(next, setOptions);
      }),
  };
}

/** The package's own connections do not do: one that was closed for the sake of another page is never replaced. */
function connector(name: string): Transact {
  let current: Promise<IDBDatabase> | undefined;
  const open = async (): Promise<IDBDatabase> => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore('values');
    const database = await promisifyRequest(request);
    // Who deletes or upgrades the database waits until nobody has it open.
    database.onversionchange = () => database.close();
    return database;
  };
  const transact: Transact = async (mode, key, work, isRetry) => {
    checkKey(key);
    current ??= open();
    const used = current;
    let database: IDBDatabase | undefined;
    let transaction: IDBTransaction | undefined;
    try {
      database = await used;
      transaction = database.transaction('values', mode);
      const request = await work(transaction.objectStore('values'));
      // A transaction may fail before it knows why, and its request knows.
      const ends = [promisifyRequest<unknown>(request), promisifyRequest(transaction)];
      const [result] = await Promise.all(ends);
      return result;
    } catch (error) {
      // A connection may be lost without a word, and fail for ever.
      database?.close();
      if (used === current) current = undefined;
      if (transaction !== undefined) throw error ?? new Error('IndexedDB gave up a transaction');
      const { name: kind } = error as Error;
      if (kind === 'InvalidStateError' && !isRetry) return transact(mode, key, work, true);
      if (!['SecurityError', 'ReferenceError', 'TypeError'].includes(kind)) throw error;
      throw new TinkerInputError('indexedDB', `must be there and allowed, got ${error}`, { cause: error });
    }
  };
  return transact;
}

/** @throws TinkerInputError - for a key that is longer than some store could take. */
function checkKey(key: string): void {
  const { length } = encodeUtf8(key);
  if (length > 512) throw new TinkerInputError('key', `must be at most 512 bytes of UTF-8, got ${length}`);
}
