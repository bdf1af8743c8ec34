import type { Storage } from '../storage/storage.ts';
import { assertEqual, assertRejects } from './assertions.ts';
import { assertKept, bytes, pass, type StorageCase } from './storage-case.ts';

/** The update of a store that is known to have one. */
function updateOf(storage: Storage): NonNullable<Storage['update']> {
  const { update } = storage;
  if (update === undefined) throw new Error('This store has no update');
  return update.bind(storage);
}

/** What an atomic `update` promises. */
export const UPDATE_CASES: readonly StorageCase[] = [
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
    name: 'updates a value without end, whatever lifetime it had',
    needs: 'update',
    needsTime: true,
    async run(storage, time) {
      const update = updateOf(storage);
      await storage.set('a', bytes(1), { ttlMs: 1_000 });
      await pass(time, 500);
      assertEqual('update', await update('a', () => bytes(2)), bytes(2));
      await pass(time, 2_000);
      await assertKept(storage, 'a', bytes(2));
    },
  },
  {
    name: 'updates to and from an empty value, and to a view’s bytes',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      assertEqual('update to an empty value', await update('a', () => bytes()), bytes());
      await assertKept(storage, 'a', bytes());
      let seen: unknown = 'not called';
      const written = await update('a', (current) => {
        seen = current;
        return bytes(0, 1, 2, 3).subarray(1, 3);
      });
      assertEqual('what the change was given', seen, bytes());
      assertEqual('update to a view', written, bytes(1, 2));
      const out = await storage.get('a');
      assertEqual('get(a)', out, bytes(1, 2));
      assertEqual('length of its buffer', out?.buffer.byteLength, 2);
    },
  },
  {
    name: 'updates one key and no other',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      await storage.set('a', bytes(1));
      await storage.set('b', bytes(2));
      await Promise.all([update('a', () => undefined), update('c', () => bytes(3))]);
      await assertKept(storage, 'a', undefined);
      await assertKept(storage, 'b', bytes(2));
      await assertKept(storage, 'c', bytes(3));
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
    name: 'loses nothing that is set amid updates',
    needs: 'update',
    async run(storage) {
      const update = updateOf(storage);
      const increment = () => update('count', (current) => bytes((current?.[0] ?? 0) + 1));
      await Promise.all([increment(), storage.set('count', bytes(100)), increment()]);
      const [count = 0] = (await storage.get('count')) ?? [];
      // What was set, and those that came after it, in any order.
      if (count < 100) throw new Error(`get(count): expected 100 at least, got ${count}`);
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
      assertEqual('the next update', await update('a', () => bytes(2)), bytes(2));
    },
  },
];
