import { promisifyRequest } from 'idb-keyval';
import { type Clock, wallTime } from '../kernel/clock.ts';
import { checkKey } from './checked-size.ts';
import type { Storage, StorageSetOptions } from './storage.ts';

/** Settings of {@link indexedDbStorage}. */
export interface IndexedDbStorageOptions {
  /** Name of the database: one of its own, in which nothing else is kept. @default 'isotinker' */
  readonly name?: string | undefined;
  /** Decides expiry. @default the system clock */
  readonly clock?: Pick<Clock, 'now'> | undefined;
}

/** What is kept under a key: structured, so that bytes stay bytes. Whatever else is found there is no value. */
interface Row {
  readonly v: 1;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Wall time; for ever without it. */
  readonly expiresAt?: number;
}

/**
 * One transaction about a key on the only object store of the database, to its end: to read what is there, or to put
 * a row there (`undefined`: nothing), or what is made of it. Resolves to the row.
 */
type Transact = (
  mode: IDBTransactionMode,
  key: string,
  next?: Row | ((row: unknown) => unknown),
  isRetry?: boolean,
) => Promise<unknown>;

/**
 * A {@link Storage} in IndexedDB: it outlives the page, all pages and workers of an origin share it, and `update` is
 * atomic among them. The first call opens the database. When the connection is lost (the database is deleted, or
 * upgraded, or the browser closes it) the next call opens another. Expired values are dropped when they are next asked
 * for, so it needs no timer.
 *
 * Calls reject with the platform's own error (`QuotaExceededError`, `AbortError`; `SecurityError` where IndexedDB is
 * forbidden, `ReferenceError` or `TypeError` where it is absent), and with a `RangeError` where a key is longer than 512
 * bytes. They hang where the platform hangs. A client that is given this store puts up with all of it.
 */
export function indexedDbStorage(
  options: IndexedDbStorageOptions = {},
): Storage & Required<Pick<Storage, 'update'>> {
  const { name = 'isotinker', clock = wallTime } = options;
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

  return {
    async get(key) {
      const bytes = bytesOf(await transact('readonly', key, (row) => row));
      // Another context may have put a new value there meanwhile. That the old one cannot be deleted harms nobody.
      if (bytes === null)
        await transact('readwrite', key, (row) => (bytesOf(row) === null ? undefined : row)).catch(() => {});
      return bytes ?? undefined;
    },
    async set(key, value, setOptions) {
      await transact('readwrite', key, rowOf(value, setOptions));
    },
    async delete(key) {
      await transact('readwrite', key);
    },
    async update(key, change, setOptions) {
      const row = await transact('readwrite', key, (found) => {
        const next = change(bytesOf(found) ?? undefined);
        return next && rowOf(next, setOptions);
      });
      return (row as Row | undefined)?.bytes;
    },
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
  const transact: Transact = async (mode, key, next, isRetry) => {
    checkKey(key);
    current ??= open();
    const used = current;
    let database: IDBDatabase | undefined;
    let transaction: IDBTransaction | undefined;
    try {
      database = await used;
      transaction = database.transaction('values', mode);
      const store = transaction.objectStore('values');
      // What cannot be read can still be written over.
      const row = typeof next === 'function' ? next(await promisifyRequest<unknown>(store.get(key))) : next;
      if (mode === 'readwrite') {
        const writing: IDBRequest = row ? store.put(row, key) : store.delete(key);
        // First the request: a transaction may fail before it knows why.
        await promisifyRequest<unknown>(writing);
      }
      await promisifyRequest(transaction);
      return row;
    } catch (error) {
      // A connection may be lost without a word, and fail for ever.
      database?.close();
      if (used === current) current = undefined;
      const wasClosed = !transaction && (error as Error).name === 'InvalidStateError';
      if (wasClosed && !isRetry) return transact(mode, key, next, true);
      throw error ?? new Error('IndexedDB gave up a transaction');
    }
  };
  return transact;
}
