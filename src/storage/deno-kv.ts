import { type Clock, plainClock } from '../kernel/clock.ts';
import { type RandomSource, systemRandom } from '../kernel/random.ts';
import { checkKey, checkValue } from './checked-size.ts';
import type { DenoKey, DenoKeyValue, DenoKeyValueEntry } from './deno-key-value.ts';
import { createDenoPieces, type DenoHead, headOf, lifetime, MAX_VALUE_BYTES } from './deno-pieces.ts';
import { createInTurn } from './in-turn.ts';
import { createPatientKv } from './patient-kv.ts';
import { createPersist, type Done } from './persist.ts';
import type { Storage, StorageSetOptions } from './storage.ts';

/** Settings of {@link denoKvStorage}. */
export interface DenoKvStorageOptions {
  /** Ends lifetimes, and passes the waits between attempts. @default the system clock */
  readonly clock?: Clock | undefined;
  /** Spreads the attempts of contexts that are in each other's way. @default the platform's */
  readonly random?: RandomSource | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A {@link Storage} in Deno KV, for all processes that have it open, with an atomic `update`: a compare-and-set on the
 * version of the key, tried again after 1 to 128 ms while others write it, for 10 s at most. Writes of one context
 * for one key are carried out in their order.
 *
 * Deno takes 64 KiB a value, so larger ones, up to 58 MiB, are kept in pieces under an id of their own, which the key's
 * entry comes to name in the step that deletes the pieces before: a reader finds one value or the other, never parts
 * of both. Pieces are written to vanish after an hour (or that long after their lifetime), and once they are named
 * again to stay: what a writer that was ended half-way leaves behind goes by itself.
 */
export function denoKvStorage(
  kv: DenoKeyValue,
  options: DenoKvStorageOptions = {},
): Storage & Required<Pick<Storage, 'update'>> {
  const { clock = plainClock, random = systemRandom } = options;
  const persist = createPersist(clock, random);
  const inTurn = createInTurn();
  const database = createPatientKv(kv, persist);
  const pieces = createDenoPieces(database);

  /** Reads what an entry stands for; where a piece is missing it was replaced, so look again. */
  function createReader(): (entry: DenoKeyValueEntry) => Promise<Done<Bytes | undefined> | undefined> {
    let torn: string | null | undefined;
    return async ({ value, versionstamp }) => {
      const head = headOf(value);
      if (head === undefined || clock.now() >= head.expiresAt) return { result: undefined };
      const result = await pieces.read(head);
      // Missing again in the same version: nobody replaced it, it is lost.
      const isLost = versionstamp === torn;
      torn = versionstamp;
      return result === undefined && !isLost ? undefined : { result };
    };
  }

  /** Put a value (`undefined`: nothing) in place of an entry, unless somebody else has. @returns whether it was. */
  async function replace(
    key: string,
    { value, versionstamp }: DenoKeyValueEntry,
    head?: DenoHead,
    bytes?: Bytes,
  ): Promise<boolean> {
    if (head === undefined && versionstamp === null) return true;
    const at = headKey(key);
    const operation = database.atomic();
    operation.check({ key: at, versionstamp });
    if (head === undefined) operation.delete(at);
    else operation.set(at, head, lifetime(head.expiresAt, clock.now()));
    const before = headOf(value);
    if (before !== undefined) pieces.remove(operation, before);
    const { ok, versionstamp: written } = await database.commit(operation);
    if (ok && head !== undefined && bytes !== undefined && written !== undefined)
      await pieces.keep(head, bytes, { key: at, versionstamp: written });
    return ok;
  }

  const stage = (bytes: Bytes, setOptions: StorageSetOptions | undefined): Promise<DenoHead> => {
    checkValue(bytes, MAX_VALUE_BYTES);
    const now = clock.now();
    return pieces.stage(bytes, now + (setOptions?.ttlMs ?? Number.POSITIVE_INFINITY), now);
  };

  /** Do something about a key's entry; again with what it is then, where that came to nothing. */
  const withEntry = <T>(
    key: string,
    attempt: (entry: DenoKeyValueEntry) => Promise<Done<T> | undefined>,
  ): Promise<T> => persist(`"${key}"`, async () => attempt(await database.get(headKey(key))));

  async function set(key: string, bytes: Bytes, setOptions?: StorageSetOptions): Promise<void> {
    const head = await stage(bytes, setOptions);
    await withEntry(key, async (entry) => succeeded(await replace(key, entry, head, bytes)));
  }

  function update(
    key: string,
    change: (current: Bytes | undefined) => Uint8Array | undefined,
    setOptions?: StorageSetOptions,
  ): Promise<Bytes | undefined> {
    const read = createReader();
    return withEntry<Bytes | undefined>(key, async (entry) => {
      const current = await read(entry);
      if (current === undefined) return undefined;
      const next = change(current.result);
      if (next === undefined) return succeeded(await replace(key, entry));
      const bytes = new Uint8Array(next);
      const head = await stage(bytes, setOptions);
      if (await replace(key, entry, head, bytes)) return { result: bytes };
      await pieces.discard(head);
      return undefined;
    });
  }

  /** Writes of this context for one key, in their order. */
  const inOrder = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    checkKey(key);
    return inTurn(key, work);
  };

  return {
    async get(key) {
      checkKey(key);
      return withEntry(key, createReader());
    },
    async set(key, value, setOptions) {
      const bytes = new Uint8Array(value);
      return inOrder(key, () => set(key, bytes, setOptions));
    },
    delete: (key) =>
      inOrder(key, () => withEntry(key, async (entry) => succeeded(await replace(key, entry)))),
    update: (key, change, setOptions) => inOrder(key, () => update(key, change, setOptions)),
  };
}

const headKey = (key: string): DenoKey => ['isotinker', key];

const succeeded = (isDone: boolean): Done<undefined> | undefined =>
  isDone ? { result: undefined } : undefined;
