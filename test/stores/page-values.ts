import { indexedDbStorage } from 'isotinker/storage/indexeddb';

// Runs in a page or a worker: single calls of the store. Each opens the database for itself.

/** Where a value is. */
interface Place {
  readonly database: string;
  readonly key: string;
}

/** @returns the bytes, `null` where there are none. */
export async function getValue({ database, key }: Place): Promise<readonly number[] | null> {
  const value = await indexedDbStorage({ name: database }).get(key);
  return value === undefined ? null : [...value];
}

/** Keep bytes. */
export function setValue({
  database,
  key,
  value,
}: Place & { readonly value: readonly number[] }): Promise<void> {
  return indexedDbStorage({ name: database }).set(key, Uint8Array.from(value));
}

/** Forget them. */
export function deleteValue({ database, key }: Place): Promise<void> {
  return indexedDbStorage({ name: database }).delete(key);
}
