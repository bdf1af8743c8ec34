import type { Storage } from '../storage/storage.ts';
import { assertEqual, assertRejects } from './assertions.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Time for a store to live through: a {@link VirtualClock}, or anything else that can let it pass. */
export type StorageTime = Pick<VirtualClock, 'advance'>;

/** One thing every store must do, whatever it keeps its values in. */
export interface StorageCase {
  /** What it must do. */
  readonly name: string;
  /** Left out for stores without an atomic `update`. */
  readonly needs?: 'update';
  /** Left out for stores whose time cannot be moved, or that keep values longer than they are told. */
  readonly needsTime?: true;
  /**
   * Try it on a fresh store; rejects with what it found wrong.
   *
   * @param time - Moves the store's time; cases without `needsTime` do without.
   */
  run(storage: Storage, time?: StorageTime): Promise<void>;
}

/** What a store can do. */
export interface StorageAbilities {
  /** It has an atomic `update`. @default true */
  readonly update?: boolean | undefined;
  /** Its time can be moved, and it keeps values to the millisecond. @default true */
  readonly time?: boolean | undefined;
}

/** The cases of {@link STORAGE_CONTRACT} for a store that can do so much, to be run under any test runner. */
export function storageCases(abilities: StorageAbilities = {}): readonly StorageCase[] {
  const { update = true, time = true } = abilities;
  return STORAGE_CONTRACT.filter(
    ({ needs, needsTime }) => (update || needs !== 'update') && (time || needsTime !== true),
  );
}

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

/** The update of a store that is known to have one. */
function updateOf(storage: Storage): NonNullable<Storage['update']> {
  const { update } = storage;
  if (update === undefined) throw new Error('This store has no update');
  return update.bind(storage);
}

/** Let time pass that is known to be movable. */
async function pass(time: StorageTime | undefined, ms: number): Promise<void> {
  if (time === undefined) throw new Error('This case needs a time that can be moved');
  await time.advance(ms);
}

async function assertKept(storage: Storage, key: string, expected: Uint8Array | undefined): Promise<void> {
  assertEqual(`get(${key.length > 20 ? `…${key.slice(-2)}` : key})`, await storage.get(key), expected);
}

/** What {@link Storage} promises. Every adapter passes all of it that it can: see {@link storageCases}. */
export const STORAGE_CONTRACT: readonly StorageCase[] = [
  {
    name: 'has nothing under a key that was never set',
    async run(storage) {
      await assertKept(storage, 'absent', undefined);
      await storage.delete('absent');
    },
  },
  {
    name: 'gives back what was set, empty values included',
    async run(storage) {
      await storage.set('a', bytes(1, 2, 255));
      await storage.set('empty', bytes());
      await assertKept(storage, 'a', bytes(1, 2, 255));
      await assertKept(storage, 'empty', bytes());
    },
  },
  {
    name: 'replaces a value, its lifetime included',
    needsTime: true,
    async run(storage, time) {
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await storage.set('a', bytes(2));
      await pass(time, 2_000);
      await assertKept(storage, 'a', bytes(2));
    },
  },
  {
    name: 'forgets what was deleted, and nothing else',
    async run(storage) {
      await storage.set('a', bytes(1));
      await storage.set('b', bytes(2));
      await storage.delete('a');
      await assertKept(storage, 'a', undefined);
      await assertKept(storage, 'b', bytes(2));
    },
  },
  {
    name: 'copies on the way in',
    async run(storage) {
      const value = bytes(1, 2);
      await storage.set('a', value);
      value[0] = 9;
      await assertKept(storage, 'a', bytes(1, 2));
    },
  },
  {
    name: 'copies on the way out',
    async run(storage) {
      await storage.set('a', bytes(1, 2));
      const out = await storage.get('a');
      out?.fill(9);
      await assertKept(storage, 'a', bytes(1, 2));
    },
  },
  {
    name: 'stores a view’s bytes, not its buffer’s',
    async run(storage) {
      await storage.set('a', bytes(0, 1, 2, 3).subarray(1, 3));
      const out = await storage.get('a');
      assertEqual('get(a)', out, bytes(1, 2));
      assertEqual('length of its buffer', out?.buffer.byteLength, 2);
    },
  },
  {
    name: 'keeps a value for its lifetime and not a millisecond longer',
    needsTime: true,
    async run(storage, time) {
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await pass(time, 999);
      await assertKept(storage, 'a', bytes(1));
      await pass(time, 1);
      await assertKept(storage, 'a', undefined);
    },
  },
  {
    name: 'takes keys of 512 bytes in UTF-8, and tells them apart to the end',
    async run(storage) {
      const key = 'é'.repeat(255);
      await storage.set(`${key}.a`, bytes(1));
      await storage.set(`${key}.b`, bytes(2));
      await assertKept(storage, `${key}.a`, bytes(1));
      await assertKept(storage, `${key}.b`, bytes(2));
    },
  },
  {
    name: 'takes keys that are names of an object’s own things',
    async run(storage) {
      await assertKept(storage, '__proto__', undefined);
      await assertKept(storage, 'constructor', undefined);
      await storage.set('__proto__', bytes(1));
      await assertKept(storage, '__proto__', bytes(1));
    },
  },
  {
    name: 'keeps a megabyte',
    async run(storage) {
      const value = new Uint8Array(1_000_000).map((_, i) => i % 251);
      await storage.set('large', value);
      await assertKept(storage, 'large', value);
    },
  },
  {
    name: 'updates from nothing, from a value, and to nothing',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      const seen: unknown[] = [];
      const change = (next: Uint8Array | undefined) => (current: Uint8Array | undefined) => {
        seen.push(current);
        return next;
      };
      assertEqual('update from nothing', await update('a', change(bytes(1))), bytes(1));
      assertEqual('update from a value', await update('a', change(bytes(2))), bytes(2));
      assertEqual('update to nothing', await update('a', change(undefined)), undefined);
      assertEqual('what the changes were given', seen, [undefined, bytes(1), bytes(2)]);
      await assertKept(storage, 'a', undefined);
    },
  },
  {
    name: 'updates with a lifetime, and sees an expired value as none',
    needs: 'update',
    needsTime: true,
    async run(storage, time) {
      const update = updateOf(storage);
      await update('a', () => bytes(1), { ttlMs: 500 });
      await pass(time, 500);
      let seen: unknown = 'not called';
      await update('a', (current) => {
        seen = current;
        return bytes(2);
      });
      assertEqual('what the change was given', seen, undefined);
      await pass(time, 500);
      await assertKept(storage, 'a', bytes(2));
    },
  },
  {
    name: 'loses no update of many at once',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      const increment = () => update('count', (current) => bytes((current?.[0] ?? 0) + 1));
      await Promise.all(Array.from({ length: 50 }, increment));
      await assertKept(storage, 'count', bytes(50));
    },
  },
  {
    name: 'copies what an update is given and what it gives',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      const next = bytes(1);
      const written = await update('a', () => next);
      next[0] = 9;
      await assertKept(storage, 'a', bytes(1));
      written?.fill(8);
      await assertKept(storage, 'a', bytes(1));
      let given: Uint8Array | undefined;
      await update('a', (current) => {
        given = current;
        return current;
      });
      given?.fill(7);
      await assertKept(storage, 'a', bytes(1));
    },
  },
  {
    name: 'writes nothing if the change throws',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      await storage.set('a', bytes(1));
      const no = new Error('no');
      const failing = update('a', (current) => {
        current?.fill(9);
        throw no;
      });
      await assertRejects('update', failing, no);
      await assertKept(storage, 'a', bytes(1));
    },
  },
];
