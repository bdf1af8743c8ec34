import { assertEqual } from './assertions.ts';
import { assertKept, bytes, pass, type StorageCase } from './storage-case.ts';
import { UPDATE_CASES } from './update-cases.ts';

export type { StorageCase, StorageTime } from './storage-case.ts';

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

/** What holds for every store. */
const VALUE_CASES: readonly StorageCase[] = [
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
    name: 'copies on the way in at once, before anything is waited for',
    async run(storage) {
      const value = bytes(1, 2);
      const setting = storage.set('a', value);
      value.fill(9);
      await setting;
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
    name: 'carries out many calls at once, the very first among them',
    async run(storage) {
      const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
      await Promise.all(keys.map((key, i) => storage.set(key, bytes(i))));
      const found = await Promise.all(keys.map((key) => storage.get(key)));
      assertEqual(
        'what was found',
        found,
        keys.map((_, i) => bytes(i)),
      );
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
    name: 'keeps a value no longer for being read in its lifetime',
    needsTime: true,
    async run(storage, time) {
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await pass(time, 600);
      await assertKept(storage, 'a', bytes(1));
      await pass(time, 400);
      await assertKept(storage, 'a', undefined);
    },
  },
  {
    name: 'keeps nothing for a lifetime of no time',
    needsTime: true,
    async run(storage, time) {
      await storage.set('a', bytes(1));
      await storage.set('a', bytes(2), { ttlMs: 0 });
      await assertKept(storage, 'a', undefined);
      await pass(time, 2_000);
      await assertKept(storage, 'a', undefined);
    },
  },
  {
    name: 'keeps a value that is to stay for years',
    async run(storage) {
      // Beyond a timer's longest wait, and beyond 32 bits of milliseconds and of microseconds.
      for (const days of [25, 50, 3_650]) {
        await storage.set(`${days} days`, bytes(1), { ttlMs: days * 86_400_000 });
        await assertKept(storage, `${days} days`, bytes(1));
      }
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
    name: 'tells keys apart that look alike',
    async run(storage) {
      // The two accents are one letter, and a letter with a mark; the slashes are no folders.
      const keys = ['a', 'A', ' a', 'a ', 'a/', 'a/b', 'a:b', 'é', 'e\u0301', '😀', '😁'];
      for (const [i, key] of keys.entries()) await storage.set(key, bytes(i));
      for (const [i, key] of keys.entries()) await assertKept(storage, key, bytes(i));
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
];

/** What the core's `Storage` promises. Every adapter passes all of it that it can: see {@link storageCases}. */
export const STORAGE_CONTRACT: readonly StorageCase[] = /* @__PURE__ */ VALUE_CASES.concat(UPDATE_CASES);
