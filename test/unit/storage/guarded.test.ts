import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { guarded, isOfThisVersion } from '../../../src/storage/guarded.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { STORAGE_CONTRACT } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

function guard(make: (clock: ReturnType<typeof createVirtualClock>) => Storage, limitMs?: number) {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const storage = guarded(make(clock), { clock, emit: (event) => events.push(event), limitMs });
  return { clock, events, storage };
}

/** A store of which every method does the same. */
const store = (work: () => Promise<never>): Storage => ({ get: work, set: work, delete: work, update: work });

const TROUBLES: readonly (readonly [string, Storage, string])[] = [
  [
    'throws',
    store(() => {
      throw new Error('blocked');
    }),
    'blocked',
  ],
  ['rejects', store(() => Promise.reject(new Error('full'))), 'full'],
  ['rejects with no Error', store(() => Promise.reject('quota')), 'quota'],
  ['rejects with nothing', store(() => Promise.reject(null)), 'null'],
  [
    'rejects with an error of a platform',
    store(() => Promise.reject(new DOMException('The disk is full', 'QuotaExceededError'))),
    'QuotaExceededError: The disk is full',
  ],
  [
    'rejects with one that says nothing',
    store(() => Promise.reject(new DOMException('', 'AbortError'))),
    'AbortError',
  ],
  ['hangs', store(() => new Promise(() => {})), 'no answer within 2000 ms'],
];

const CALLS: readonly (readonly [string, (storage: Storage) => Promise<unknown> | undefined])[] = [
  ['get', (storage) => storage.get('k')],
  ['set', (storage) => storage.set('k', Uint8Array.of(1))],
  ['delete', (storage) => storage.delete('k')],
  ['update', (storage) => storage.update?.('k', () => Uint8Array.of(1))],
];

describe('guarded', () => {
  // `update` hands on what the caller's own function throws in no store: the guard makes it a miss.
  const contract = STORAGE_CONTRACT.filter(({ name }) => name !== 'writes nothing if the change throws');

  it.each(contract)('leaves a healthy store as it is: $name', async ({ run }) => {
    const { clock, events, storage } = guard(memoryStorage);
    await run(storage, clock);
    expect(events).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  describe.each(TROUBLES)('a store that %s', (_, broken, message) => {
    it.each(CALLS)('makes %s a miss and one event', async (operation, call) => {
      const { clock, events, storage } = guard(() => broken);
      expect(await clock.drive(call(storage)!)).toBeUndefined();
      expect(events).toEqual([{ type: 'storage_trouble', operation, key: 'k', message }]);
      expect(clock.pending).toBe(0);
    });
  });

  it('waits as long as it is told and no longer', async () => {
    const { clock, events, storage } = guard(() => store(() => new Promise(() => {})), 50);
    const work = storage.get('k');
    await clock.advance(49);
    expect(events).toEqual([]);
    await clock.advance(1);
    await work;
    expect(events).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('says nothing more when a store answers or fails after its time', async () => {
    for (const late of ['answer', 'failure']) {
      let settle = (): void => {};
      const { clock, events, storage } = guard(() =>
        store(
          () =>
            new Promise((resolve, reject) => {
              settle = () => (late === 'answer' ? resolve(undefined as never) : reject(new Error('late')));
            }),
        ),
      );
      await clock.drive(storage.get('k'));
      settle();
      await clock.advance(10_000);
      expect(events).toHaveLength(1);
      expect(clock.pending).toBe(0);
    }
  });

  it('leaves a store in trouble alone for half a minute, and tells once, however many calls failed together', async () => {
    let calls = 0;
    let isBroken = true;
    const { clock, events, storage } = guard((clock) => {
      const healthy = memoryStorage(clock);
      return {
        ...healthy,
        get: (key) => {
          calls += 1;
          return isBroken ? Promise.reject(new Error('blocked')) : healthy.get(key);
        },
      };
    });
    await clock.drive(Promise.all([storage.get('a'), storage.get('b'), storage.get('c')]));
    expect([calls, events.length, storage.health]).toEqual([3, 1, 'resting']);
    await clock.advance(29_999);
    expect(await storage.get('a')).toBeUndefined();
    expect(await storage.update?.('a', () => Uint8Array.of(1))).toBeUndefined();
    expect([calls, events.length]).toEqual([3, 1]);
    await clock.advance(1);
    expect(storage.health).toBe('ok');
    await clock.drive(storage.get('a'));
    expect([calls, events.length, storage.health]).toEqual([4, 2, 'resting']);
    await clock.advance(30_000);
    isBroken = false;
    await storage.set('a', Uint8Array.of(2));
    expect(await storage.get('a')).toEqual(Uint8Array.of(2));
    expect([events.length, storage.health, clock.pending]).toEqual([2, 'ok', 0]);
  });

  it.each(['current', 'none'])('changes nothing by an update that it gave up: %s', async (kind) => {
    let late: ((current: Uint8Array<ArrayBuffer> | undefined) => Uint8Array | undefined) | undefined;
    const { clock, storage } = guard((clock) => ({
      ...memoryStorage(clock),
      update(_key, change) {
        late = change;
        return new Promise(() => {});
      },
    }));
    let calls = 0;
    const updating = storage.update?.('k', () => {
      calls += 1;
      return Uint8Array.of(2);
    });
    await clock.advance(1_999);
    const current = kind === 'current' ? Uint8Array.of(1) : undefined;
    expect([late?.(current), calls]).toEqual([Uint8Array.of(2), 1]);
    await clock.advance(1);
    expect(await updating).toBeUndefined();
    expect(late?.(current)).toBe(current);
    expect(calls).toBe(1);
  });

  it('has an update only where the store has one', () => {
    const { get, set, delete: remove } = memoryStorage();
    const clock = createVirtualClock();
    const plain = guarded({ get, set, delete: remove }, { clock, emit: () => {} });
    expect('update' in plain).toBe(false);
    expect(guarded(memoryStorage(), { clock, emit: () => {} }).update).toBeDefined();
  });

  it('calls the store’s methods on the store', async () => {
    class Counting implements Storage {
      calls = 0;
      async get() {
        this.calls += 1;
        return undefined;
      }
      async set() {
        this.calls += 1;
      }
      async delete() {
        this.calls += 1;
      }
      async update() {
        this.calls += 1;
        return undefined;
      }
    }
    const counting = new Counting();
    const { events, storage } = guard(() => counting);
    for (const [, call] of CALLS) await call(storage);
    expect(counting.calls).toBe(4);
    expect(events).toEqual([]);
  });

  it('hands the lifetime on', async () => {
    const lifetimes: unknown[] = [];
    const { storage } = guard((clock) => ({
      ...memoryStorage(clock),
      set: async (_key, _value, options) => void lifetimes.push(options?.ttlMs),
      update: async (_key, _change, options) => {
        lifetimes.push(options?.ttlMs);
        return undefined;
      },
    }));
    await storage.set('k', Uint8Array.of(1), { ttlMs: 5 });
    await storage.update?.('k', () => undefined, { ttlMs: 6 });
    expect(lifetimes).toEqual([5, 6]);
  });
});

describe('a value that its reader does not understand', () => {
  const ODD = Uint8Array.of(9);

  function read() {
    const clock = createVirtualClock();
    const events: TinkerEvent[] = [];
    const store = memoryStorage(clock);
    const storage = guarded(store, {
      clock,
      emit: (event) => events.push(event),
      isReadable: (value) => value[0] !== 9,
    });
    return { clock, events, store, storage };
  }

  it('is told of and given all the same, and the store is not left alone for it', async () => {
    const { events, store, storage } = read();
    await store.set('k', ODD);
    expect(await storage.get('k')).toEqual(ODD);
    expect(events).toEqual([
      { type: 'storage_trouble', operation: 'parse', key: 'k', message: 'not a value of this version' },
    ]);
    expect(storage.health).toBe('ok');
    await storage.set('k', Uint8Array.of(1));
    expect([await storage.get('k'), events.length]).toEqual([Uint8Array.of(1), 1]);
  });

  it('is met by updates as well', async () => {
    const { events, store, storage } = read();
    await store.set('k', ODD);
    let seen: unknown;
    await storage.update?.('k', (current) => {
      seen = current;
      return Uint8Array.of(1);
    });
    expect(seen).toEqual(ODD);
    expect(events).toMatchObject([{ operation: 'parse', key: 'k' }]);
  });

  it('is told of once in half a minute, whatever the key', async () => {
    const { clock, events, store, storage } = read();
    for (const key of ['a', 'b']) await store.set(key, ODD);
    for (const key of ['a', 'b', 'a']) await storage.get(key);
    await clock.advance(29_999);
    await storage.get('a');
    expect(events).toHaveLength(1);
    await clock.advance(1);
    await Promise.all([storage.get('b'), storage.get('a')]);
    expect(events).toMatchObject([{ key: 'a' }, { key: 'b' }]);
    expect(clock.pending).toBe(0);
  });

  it('is not told of where it comes after the store was given up', async () => {
    const clock = createVirtualClock();
    const events: TinkerEvent[] = [];
    let answer: ((value: Uint8Array<ArrayBuffer>) => void) | undefined;
    const store: Storage = {
      ...memoryStorage(clock),
      get: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    };
    const storage = guarded(store, {
      clock,
      emit: (event) => events.push(event),
      isReadable: () => false,
    });
    await clock.drive(storage.get('k'));
    answer?.(ODD);
    await clock.advance(0);
    expect(events).toMatchObject([{ operation: 'get' }]);
  });

  it('is none where nobody says how to tell', async () => {
    const { events, storage } = guard(memoryStorage);
    await storage.set('k', ODD);
    expect(await storage.get('k')).toEqual(ODD);
    expect(events).toEqual([]);
  });
});

describe('isOfThisVersion', () => {
  it.each([
    ['{"v":1}', true],
    ['{"version":1,"epoch":3}', true],
    ['{"version":1,"v":2}', true],
    ['{"v":2}', false],
    ['{"version":2}', false],
    ['{"version":"1"}', false],
    ['{"version":null,"v":1}', false],
    ['{}', false],
    ['[1]', false],
    ['1', false],
    ['null', false],
    ['"v"', false],
    ['{"v":1', false],
    ['', false],
    ['\ufeff{"v":1}', false],
  ])('of %s: %s', (text, expected) => {
    expect(isOfThisVersion(new TextEncoder().encode(text))).toBe(expected);
  });

  it('of bytes that are no text: false', () => {
    expect(isOfThisVersion(Uint8Array.of(0xff, 0x7b))).toBe(false);
  });
});
