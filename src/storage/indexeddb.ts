/**
 * A store of pages and workers.
 *
 * @module isotinker/storage/indexeddb
 */

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
 * a row there (`undefined`: nothing), or what is made of it. Resolves to the row. A row is put there unread: what cannot be
 * read can still be written over. Requests are waited for before their transaction, which may fail before it knows why.
 */
type Transact = (
  key: string,
  next?: Row | ((row: unknown) => unknown),
  isRead?: boolean,
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
export function indexedDbStorage({
  name = 'isotinker',
  clock = wallTime,
}: IndexedDbStorageOptions = {}): Storage & Required<Pick<Storage, 'update'>> {
  let current: Promise<IDBDatabase> | undefined;
  const transact: Transact = async (key, next, isRead, isRetry) => {
    checkKey(key);
    current ??= open(name);
    const used = current;
    let database: IDBDatabase | undefined;
    let transaction: IDBTransaction | undefined;
    try {
      database = await used;
      transaction = database.transaction('values', isRead ? 'readonly' : 'readwrite');
      const store = transaction.objectStore('values');
      const row = typeof next === 'function' ? next(await promisifyRequest(store.get(key))) : next;
      if (!isRead) await promisifyRequest((row ? store.put(row, key) : store.delete(key)) as IDBRequest);
      await promisifyRequest(transaction);
      return row;
    } catch (error) {
      // A connection may be lost without a word, and fail for ever.
      database?.close();
      if (used === current) current = undefined;
      // It had been closed: nothing was done yet.
      if (database && !transaction && !isRetry) return transact(key, next, isRead, true);
      throw error ?? new Error('IndexedDB gave up a transaction');
    }
  };
  const rowOf = (value: Uint8Array, { ttlMs }: StorageSetOptions = {}): Row => {
    const row = { v: 1, bytes: new Uint8Array(value) } as const;
    return ttlMs === undefined ? row : { ...row, expiresAt: clock.now() + ttlMs };
  };

  /** `null`: it has expired; `undefined`: it is no value. Without an end no time is after it. */
  const bytesOf = (row: unknown): Row['bytes'] | null | undefined => {
    const { v, bytes, expiresAt } = Object(row) as Partial<Row>;
    const isEnd = expiresAt === undefined || (typeof expiresAt === 'number' && expiresAt >= 0);
    if (v === 1 && bytes instanceof Uint8Array && isEnd) return clock.now() >= expiresAt! ? null : bytes;
    return undefined;
  };

  return {
    async get(key) {
      const bytes = bytesOf(await transact(key, (row) => row, true));
      // Another context may have put a new value there meanwhile. That the old one cannot be deleted harms nobody.
      if (bytes === null)
        await transact(key, (row) => (bytesOf(row) === null ? undefined : row)).catch(() => {});
      return bytes ?? undefined;
    },
    set: async (key, value, setOptions) => void (await transact(key, rowOf(value, setOptions))),
    delete: async (key) => void (await transact(key)),
    update: async (key, change, setOptions) =>
      (
        (await transact(key, (found) => {
          const next = change(bytesOf(found) ?? undefined);
          return next && rowOf(next, setOptions);
        })) as Row | undefined
      )?.bytes,
  };
}

/** The package's own connections do not do: one that was closed for the sake of another page is never replaced. */
async function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => request.result.createObjectStore('values');
  const database = await promisifyRequest(request);
  // Who deletes or upgrades the database waits until nobody has it open.
  database.onversionchange = () => database.close();
  return database;
}
