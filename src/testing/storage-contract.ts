import { expect } from 'vitest';
import type { Storage } from '../storage/storage.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One thing every store must do, whatever it keeps its values in. */
export interface StorageCase {
  readonly name: string;
  /** Left out for stores without an atomic `update`. */
  readonly needs?: 'update';
  run(storage: Storage, clock: VirtualClock): Promise<void>;
}

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

/** The update of a store that is known to have one. */
function updateOf(storage: Storage): NonNullable<Storage['update']> {
  const { update } = storage;
  if (update === undefined) throw new Error('This store has no update');
  return update.bind(storage);
}

/** What {@link Storage} promises. Every adapter passes all of it, unmodified. */
export const STORAGE_CONTRACT: readonly StorageCase[] = [
  {
    name: 'has nothing under a key that was never set',
    async run(storage) {
      expect(await storage.get('absent')).toBeUndefined();
      await storage.delete('absent');
    },
  },
  {
    name: 'gives back what was set, empty values included',
    async run(storage) {
      await storage.set('a', bytes(1, 2, 255));
      await storage.set('empty', bytes());
      expect(await storage.get('a')).toEqual(bytes(1, 2, 255));
      expect(await storage.get('empty')).toEqual(bytes());
      expect(await storage.get('a')).toBeInstanceOf(Uint8Array);
    },
  },
  {
    name: 'replaces a value, its lifetime included',
    async run(storage, clock) {
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await storage.set('a', bytes(2));
      await clock.advance(2_000);
      expect(await storage.get('a')).toEqual(bytes(2));
    },
  },
  {
    name: 'forgets what was deleted, and nothing else',
    async run(storage) {
      await storage.set('a', bytes(1));
      await storage.set('b', bytes(2));
      await storage.delete('a');
      expect(await storage.get('a')).toBeUndefined();
      expect(await storage.get('b')).toEqual(bytes(2));
    },
  },
  {
    name: 'copies on the way in',
    async run(storage) {
      const value = bytes(1, 2);
      await storage.set('a', value);
      value[0] = 9;
      expect(await storage.get('a')).toEqual(bytes(1, 2));
    },
  },
  {
    name: 'copies on the way out',
    async run(storage) {
      await storage.set('a', bytes(1, 2));
      const out = await storage.get('a');
      out?.fill(9);
      expect(await storage.get('a')).toEqual(bytes(1, 2));
    },
  },
  {
    name: 'stores a view’s bytes, not its buffer’s',
    async run(storage) {
      await storage.set('a', bytes(0, 1, 2, 3).subarray(1, 3));
      const out = await storage.get('a');
      expect(out).toEqual(bytes(1, 2));
      expect(out?.buffer.byteLength).toBe(2);
    },
  },
  {
    name: 'keeps a value for its lifetime and not a millisecond longer',
    async run(storage, clock) {
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await clock.advance(999);
      expect(await storage.get('a')).toEqual(bytes(1));
      await clock.advance(1);
      expect(await storage.get('a')).toBeUndefined();
    },
  },
  {
    name: 'takes keys of 512 bytes in UTF-8, and tells them apart to the end',
    async run(storage) {
      const key = 'é'.repeat(255);
      await storage.set(`${key}.a`, bytes(1));
      await storage.set(`${key}.b`, bytes(2));
      expect(await storage.get(`${key}.a`)).toEqual(bytes(1));
      expect(await storage.get(`${key}.b`)).toEqual(bytes(2));
    },
  },
  {
    name: 'takes keys that are names of an object’s own things',
    async run(storage) {
      expect(await storage.get('__proto__')).toBeUndefined();
      expect(await storage.get('constructor')).toBeUndefined();
      await storage.set('__proto__', bytes(1));
      expect(await storage.get('__proto__')).toEqual(bytes(1));
    },
  },
  {
    name: 'keeps a megabyte',
    async run(storage) {
      const value = new Uint8Array(1_000_000).map((_, i) => i % 251);
      await storage.set('large', value);
      const out = await storage.get('large');
      expect(out?.length).toBe(value.length);
      // By hand: comparing a million elements with a matcher takes seconds.
      expect(value.every((byte, i) => out?.[i] === byte)).toBe(true);
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
      expect(await update('a', change(bytes(1)))).toEqual(bytes(1));
      expect(await update('a', change(bytes(2)))).toEqual(bytes(2));
      expect(await update('a', change(undefined))).toBeUndefined();
      expect(seen).toEqual([undefined, bytes(1), bytes(2)]);
      expect(await storage.get('a')).toBeUndefined();
    },
  },
  {
    name: 'updates with a lifetime, and sees an expired value as none',
    needs: 'update',
    async run(storage, clock) {
      const update = updateOf(storage);
      await update('a', () => bytes(1), { ttlMs: 500 });
      await clock.advance(500);
      let seen: unknown = 'not called';
      await update('a', (current) => {
        seen = current;
        return undefined;
      });
      expect(seen).toBeUndefined();
    },
  },
  {
    name: 'loses no update of many at once',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      const increment = () => update('count', (current) => bytes((current?.[0] ?? 0) + 1));
      await Promise.all(Array.from({ length: 50 }, increment));
      expect(await storage.get('count')).toEqual(bytes(50));
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
      written?.fill(8);
      await update('a', (current) => {
        current?.fill(7);
        return bytes(...(current === undefined ? [] : [1]));
      });
      expect(await storage.get('a')).toEqual(bytes(1));
    },
  },
  {
    name: 'writes nothing if the change throws',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      await storage.set('a', bytes(1));
      const failing = update('a', (current) => {
        current?.fill(9);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await storage.get('a')).toEqual(bytes(1));
    },
  },
];
