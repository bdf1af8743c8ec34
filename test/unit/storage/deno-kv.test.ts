import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/kernel/clock.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { type DenoKeyValue, denoKvStorage } from '../../../src/storage/kv.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Pass } from '../../../src/testing/gates.ts';
import { exploreInterleavings, randomInterleavings } from '../../../src/testing/interleavings.ts';
import { storageCases } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { createDenoKv, type DenoKvOptions } from '../../support/deno-kv.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const PIECE = 61_440;
const HOUR_MS = 3_600_000;

type Store = ReturnType<typeof denoKvStorage>;

const clocks: VirtualClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) expect(clock.pending).toBe(0);
});

function setUp(options: Omit<DenoKvOptions, 'clock'> = {}) {
  const clock = createVirtualClock();
  clocks.push(clock);
  const kv = createDenoKv({ clock, ...options });
  const random = seededRandom(1);
  const open = () => denoKvStorage(kv.open(), { clock, random });
  return { clock, kv, open, storage: open() };
}

const of = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);
const filled = (length: number, value: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(value);
const counted = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).map((_, i) => i % 251);

/** Large values are compared by content in one step: a list of millions of differences helps nobody. */
function expectSame(seen: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  expect(seen?.length).toBe(expected?.length);
  if (seen !== undefined && expected !== undefined) expect(Buffer.compare(seen, expected)).toBe(0);
}

/** The clock, and a note of each wait. */
const telling = (clock: VirtualClock, waits: number[]): Clock => ({
  ...clock,
  schedule(callback, ms) {
    waits.push(ms);
    return clock.schedule(callback, ms);
  },
});

describe('the contract', () => {
  it.each(storageCases())('$name', async ({ run }) => {
    const { clock, storage } = setUp();
    await clock.drive(run(storage, clock));
  });

  it.each(storageCases({ time: false }))('while every call takes its time: $name', async ({ run }) => {
    const { clock, storage } = setUp({ latencyMs: 3 });
    await clock.drive(run(storage));
  });
});

describe('large values', () => {
  it.each([PIECE, PIECE + 1, 2 * PIECE, 12 * PIECE, 12 * PIECE + 1, 1_000_000, 20_000_000])(
    'of %i bytes come back as they were, replace each other, and leave nothing behind',
    async (length) => {
      const { kv, storage, open } = setUp();
      const other = open();
      const value = counted(length);
      await storage.set('a', value);
      expectSame(await other.get('a'), value);
      const next = value.reverse();
      await other.set('a', next);
      expectSame(await storage.get('a'), next);
      expect(kv.keys).toHaveLength(length <= PIECE ? 1 : 1 + Math.ceil(length / PIECE));
      await storage.delete('a');
      expect(await other.get('a')).toBeUndefined();
      expect(kv.keys).toEqual([]);
    },
  );

  it('up to 999 pieces are taken under the longest key, and a byte more is refused', async () => {
    const { kv, storage } = setUp();
    const key = 'é'.repeat(256);
    const value = filled(999 * PIECE, 7);
    await storage.set(key, value);
    // Replaced in one operation that deletes 999 pieces.
    await storage.set(key, value);
    expect(kv.keys).toHaveLength(1_000);
    expect(await rejection(storage.set(key, new Uint8Array(999 * PIECE + 1)))).toMatchObject({
      message: '"value" must be at most 61378560 bytes, got 61378561',
    });
    await storage.update(key, () => of(1));
    expect(kv.keys).toHaveLength(1);
    expect(await rejection(storage.update(key, () => new Uint8Array(999 * PIECE + 1)))).toBeInstanceOf(
      RangeError,
    );
    expect(await storage.get(key)).toEqual(of(1));
  });

  it('can be updated like small ones', async () => {
    const { kv, storage } = setUp();
    await storage.set('a', filled(3 * PIECE, 1));
    const written = await storage.update('a', (current) => current?.map((byte) => byte + 1));
    expectSame(written, filled(3 * PIECE, 2));
    expectSame(await storage.get('a'), filled(3 * PIECE, 2));
    expect(kv.keys).toHaveLength(4);
    expect(await storage.update('a', () => undefined)).toBeUndefined();
    expect(kv.keys).toEqual([]);
  });

  it('stay for good once they are set', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', filled(30 * PIECE, 1));
    await clock.advance(1_000 * HOUR_MS);
    kv.sweep();
    expectSame(await storage.get('a'), filled(30 * PIECE, 1));
  });

  it('go with their lifetime, to the millisecond, and their pieces an hour after', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', filled(2 * PIECE, 1), { ttlMs: 5 * HOUR_MS });
    await clock.advance(5 * HOUR_MS - 1);
    kv.sweep();
    expectSame(await storage.get('a'), filled(2 * PIECE, 1));
    await clock.advance(1);
    expect(await storage.get('a')).toBeUndefined();
    kv.sweep();
    expect(kv.keys).toHaveLength(2);
    await clock.advance(HOUR_MS);
    kv.sweep();
    expect(kv.keys).toEqual([]);
  });

  it('whose time is over are cleared away by the next write, however late Deno is', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', filled(2 * PIECE, 1), { ttlMs: 1_000 });
    await clock.advance(1_000);
    await storage.set('a', of(1));
    expect(kv.keys).toHaveLength(1);
    expect(await storage.get('a')).toEqual(of(1));
  });
});

describe('a writer that ends half-way', () => {
  const before = filled(20 * PIECE, 1);
  const after = filled(30 * PIECE, 2);
  // Of `after`: three operations for the pieces, the switch, and three more to keep them.
  it.each([1, 2, 3, 4])(
    'before its operation %i leaves the value as it was, and its pieces vanish',
    async (n) => {
      const { clock, kv, storage, open } = setUp();
      await storage.set('a', before);
      kv.crashBefore(n);
      void storage.set('a', after);
      await clock.advance(1_000);
      kv.crashBefore(Number.POSITIVE_INFINITY);
      const other = open();
      expectSame(await other.get('a'), before);
      await clock.advance(2 * HOUR_MS);
      kv.sweep();
      expect(kv.keys).toHaveLength(21);
      expectSame(await other.get('a'), before);
    },
  );

  it.each([5, 6, 7])('before its operation %i has written the value, for an hour at least', async (n) => {
    const { clock, kv, storage, open } = setUp();
    await storage.set('a', before);
    kv.crashBefore(n);
    void storage.set('a', after);
    await clock.advance(1_000);
    kv.crashBefore(Number.POSITIVE_INFINITY);
    const other = open();
    expectSame(await clock.drive(other.get('a')), after);
    await clock.advance(2 * HOUR_MS);
    kv.sweep();
    // A part of the pieces is gone: a miss, not a wrong value, and the next write clears the rest away.
    expect(await clock.drive(other.get('a'))).toBeUndefined();
    expect(
      await clock.drive(other.update('a', (current) => (current === undefined ? of(3) : of(4)))),
    ).toEqual(of(3));
    expect(kv.keys).toHaveLength(1);
  });

  it('whose value was replaced before it could keep its pieces does not bring them back', async () => {
    const gates: (() => void)[] = [];
    let isHeld = false;
    const pass: Pass = (label) =>
      isHeld && label === '1:commit' ? new Promise((go) => void gates.push(go)) : Promise.resolve();
    const { clock, kv, storage, open } = setUp({ pass });
    const other = open();
    isHeld = true;
    const slow = storage.set('a', filled(14 * PIECE, 1));
    // Two operations for the pieces, and the switch.
    for (let opened = 0; opened < 3; opened++) {
      await clock.advance(0);
      gates.shift()?.();
    }
    await clock.advance(0);
    await other.set('a', of(2));
    isHeld = false;
    for (const go of gates) go();
    await slow;
    expect(await storage.get('a')).toEqual(of(2));
    expect(kv.keys).toHaveLength(1);
  });
});

describe('calls of one context for one key', () => {
  it('are carried out in their order, large values too', async () => {
    const { clock, kv, storage } = setUp({ latencyMs: 5 });
    const work = Promise.all([
      storage.set('a', filled(20 * PIECE, 1)),
      storage.set('a', of(2)),
      storage.delete('a'),
      storage.update('a', (current) => (current === undefined ? of(3) : of(9))),
      storage.set('a', filled(3 * PIECE, 4)),
      storage.update('a', (current) => current?.subarray(0, 2)),
    ]);
    const results = await clock.drive(work);
    expect([results[3], results[5]]).toEqual([of(3), of(4, 4)]);
    expect(await clock.drive(storage.get('a'))).toEqual(of(4, 4));
    expect(kv.keys).toHaveLength(1);
  });

  it('keep their order when the first of them is over', async () => {
    const { clock, storage } = setUp({ latencyMs: 5 });
    const first = storage.set('a', of(1));
    const second = storage.set('a', filled(40 * PIECE, 2));
    await clock.drive(first);
    const third = storage.set('a', of(3));
    await clock.drive(Promise.all([second, third]));
    expect(await clock.drive(storage.get('a'))).toEqual(of(3));
  });

  it('go on after one that failed', async () => {
    const { storage } = setUp();
    const no = new Error('no');
    const failing = rejection(
      storage.update('a', () => {
        throw no;
      }),
    );
    const next = storage.update('a', () => of(1));
    expect(await failing).toBe(no);
    expect(await next).toEqual(of(1));
  });

  it('do not wait for those for another', async () => {
    const { clock, storage } = setUp({ latencyMs: 100 });
    await clock.drive(Promise.all(Array.from({ length: 50 }, (_, index) => storage.set(`${index}`, of(1)))));
    expect(clock.monotonic()).toBe(200);
  });

  it('copy what an update’s change gives, at once and to the end of its own buffer', async () => {
    const { clock, storage } = setUp({ latencyMs: 5 });
    const large = filled(100_000, 1);
    const work = storage.update('a', () => large.subarray(0, 2));
    await clock.advance(7);
    large.fill(9);
    const written = await clock.drive(work);
    expect(written).toEqual(of(1, 1));
    expect(written?.buffer.byteLength).toBe(2);
    expect(await clock.drive(storage.get('a'))).toEqual(of(1, 1));
  });

  it('copy a value when they are made, not when it is their turn', async () => {
    const { storage } = setUp();
    const value = of(1);
    const work = Promise.all([storage.set('a', of(0)), storage.set('a', value)]);
    value.fill(9);
    await work;
    expect(await storage.get('a')).toEqual(of(1));
  });
});

describe('two contexts', () => {
  const increment = (current: Uint8Array | undefined): Uint8Array => of((current?.[0] ?? 0) + 1);

  it('lose no update in any order of their reads and writes', async () => {
    let store: ReturnType<typeof setUp>;
    const { schedules } = await exploreInterleavings(
      (pass) => {
        store = setUp({ pass });
        const [one, two] = [store.storage, store.open()];
        return [() => one.update('n', increment), () => two.update('n', increment)];
      },
      async (_, results) => {
        expect(await store.storage.get('n')).toEqual(of(2));
        expect(results.map((result) => (result as Uint8Array)[0]).sort()).toEqual([1, 2]);
      },
      { whenBlocked: () => store.clock.advance(200) },
    );
    expect(schedules).toBe(6);
  });

  it('lose no update among deletions and large values', async () => {
    let store: ReturnType<typeof setUp>;
    const grow = (current: Uint8Array | undefined): Uint8Array =>
      filled(current === undefined ? PIECE - 1 : current.length + 1, 1);
    await randomInterleavings(
      (pass) => {
        store = setUp({ pass });
        const stores = [store.storage, store.open(), store.open()];
        return stores.map((storage) => async () => {
          for (let round = 0; round < 2; round++) await storage.update('n', grow);
        });
      },
      async () => {
        const { kv, storage } = store;
        expect((await storage.get('n'))?.length).toBe(PIECE + 4);
        // A head and two pieces: nothing of those who lost a race.
        expect(kv.keys).toHaveLength(3);
      },
      { seeds: 150, whenBlocked: () => store.clock.advance(200) },
    );
  });

  it('read one value or the other while one is written over the other, never parts of both', async () => {
    const values = [filled(2 * PIECE, 1), filled(2 * PIECE + 1, 2), of(3)];
    let store: ReturnType<typeof setUp>;
    const seen = new Set<number>();
    await randomInterleavings(
      async (pass) => {
        store = setUp({ pass });
        const [writer, reader] = [store.storage, store.open()];
        await writer.set('a', values[0]!);
        return [
          async () => {
            await writer.set('a', values[1]!);
            await writer.set('a', values[2]!);
          },
          () => reader.get('a'),
          () => reader.get('a'),
        ];
      },
      (_, results) => {
        for (const result of results.slice(1) as Uint8Array[]) {
          const index = values.findIndex((value) => Buffer.compare(value, result) === 0);
          expect(index).not.toBe(-1);
          seen.add(index);
        }
      },
      { seeds: 400, whenBlocked: () => store.clock.advance(200) },
    );
    expect(seen.size).toBe(3);
  });

  it('read one value or the other in every order, where nothing else is going on', async () => {
    const [before, after] = [filled(PIECE + 1, 1), filled(PIECE + 2, 2)];
    let store: ReturnType<typeof setUp>;
    await exploreInterleavings(
      async (pass) => {
        store = setUp({ pass });
        const [writer, reader] = [store.storage, store.open()];
        await writer.set('a', before);
        return [() => writer.set('a', after), () => reader.get('a')];
      },
      (_, results) => {
        const read = results[1] as Uint8Array;
        expectSame(read, read.length === before.length ? before : after);
      },
      { whenBlocked: () => store.clock.advance(200) },
    );
  });

  it('wait between attempts, longer each time, and never zero', async () => {
    const { clock, kv, storage } = setUp();
    const waits: number[] = [];
    const rival = kv.open();
    let tries = 0;
    const patient = denoKvStorage(
      {
        async get(key) {
          const entry = await rival.get(key);
          // Somebody always comes between.
          if (++tries < 12) await storage.set('n', of(tries));
          return entry;
        },
        atomic: () => rival.atomic(),
      },
      {
        clock: telling(clock, waits),
        random: () => 0,
      },
    );
    expect(await clock.drive(patient.update('n', increment))).toEqual(of(12));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64]);
  });

  it('spread their attempts by chance', async () => {
    const { clock, kv, storage } = setUp();
    const waits: number[] = [];
    let isFirst = true;
    const rival = kv.open();
    const one = denoKvStorage(
      {
        async get(key) {
          const entry = await rival.get(key);
          if (isFirst) await storage.set('n', of(7));
          isFirst = false;
          return entry;
        },
        atomic: () => rival.atomic(),
      },
      {
        clock: telling(clock, waits),
        random: () => 0.5,
      },
    );
    await clock.drive(one.update('n', increment));
    expect(waits).toEqual([1.5]);
  });

  it('give up after ten seconds, and say which key it was', async () => {
    const { clock, kv, storage } = setUp();
    const rival = kv.open();
    const unlucky = denoKvStorage(
      {
        async get(key) {
          const entry = await rival.get(key);
          await storage.set('n', of(1));
          return entry;
        },
        atomic: () => rival.atomic(),
      },
      { clock, random: () => 0 },
    );
    for (const work of [
      () => unlucky.update('n', increment),
      () => unlucky.set('n', of(2)),
      () => unlucky.delete('n'),
    ]) {
      const start = clock.monotonic();
      expect(await driveToRejection(clock, work())).toMatchObject({
        message: 'Others kept writing "n" for 10000 ms',
      });
      expect(clock.monotonic() - start).toBeGreaterThanOrEqual(10_000);
      expect(clock.monotonic() - start).toBeLessThan(10_200);
    }
    expect(await storage.get('n')).toEqual(of(1));
  });

  it('keep the pieces of a set that has to be tried again, and write them once', async () => {
    const { clock, kv, storage } = setUp();
    const rival = kv.open();
    let tries = 0;
    const late = denoKvStorage(
      {
        async get(key) {
          const entry = await rival.get(key);
          if (++tries < 4) await storage.set('a', of(tries));
          return entry;
        },
        atomic: () => rival.atomic(),
      },
      { clock, random: () => 0 },
    );
    const commits = kv.commits;
    await clock.drive(late.set('a', filled(3 * PIECE, 5)));
    // Three of the other, one for the pieces, one for the switch, one to keep them.
    expect(kv.commits - commits).toBe(6);
    expectSame(await storage.get('a'), filled(3 * PIECE, 5));
  });
});

describe('a file that another process has', () => {
  it.each([
    ['get', (storage: Store) => storage.get('a'), of(1)],
    ['set', (storage: Store) => storage.set('a', of(2)), undefined],
    ['set of a large value', (storage: Store) => storage.set('a', filled(40 * PIECE, 2)), undefined],
    ['delete', (storage: Store) => storage.delete('a'), undefined],
    ['update', (storage: Store) => storage.update('a', (current) => current?.map((byte) => byte + 1)), of(2)],
  ])('is waited for by %s, at any of its calls', async (_, call, expected) => {
    for (const before of [0, 1, 2, 3]) {
      const { clock, kv, storage } = setUp();
      await storage.set('a', of(1));
      let calls = 0;
      const pass: Pass = async () => {
        if (calls++ === before) kv.lock(5);
      };
      const passing = createPassing(kv.open(), pass);
      const start = clock.monotonic();
      expect(await clock.drive<unknown>(call(denoKvStorage(passing, { clock, random: () => 0 })))).toEqual(
        expected,
      );
      if (calls > before) expect(clock.monotonic() - start).toBeLessThanOrEqual(31);
    }
  });

  it('is given up after ten seconds', async () => {
    const { clock, kv, storage } = setUp();
    kv.lock(Number.POSITIVE_INFINITY);
    expect(await driveToRejection(clock, storage.set('a', of(1)))).toMatchObject({
      message: 'Others kept writing the database for 10000 ms',
    });
  });

  it('any other trouble is told at once', async () => {
    const { clock, kv } = setUp();
    const no = new TypeError('Bad resource ID');
    const closed = denoKvStorage({ ...kv.open(), get: () => Promise.reject(no) }, { clock });
    expect(await rejection(closed.update('a', () => of(1)))).toBe(no);
  });
});

/** The same, with something done before each call. */
function createPassing(kv: DenoKeyValue, pass: Pass): DenoKeyValue {
  return {
    async get(key) {
      await pass('get');
      return kv.get(key);
    },
    atomic() {
      const operation = kv.atomic();
      const { commit } = operation;
      operation.commit = async () => {
        await pass('commit');
        return commit();
      };
      return operation;
    },
  };
}

describe('what is there but is not ours', () => {
  it.each([
    ['nothing of ours', 'text'],
    ['bytes', of(1)],
    ['null', null],
    ['a number', 7],
    ['no length', { expiresAt: 9e15, content: of(1) }],
    ['a length beyond all', { expiresAt: 9e15, content: 'x', length: 1e18 }],
    ['a length that is no number', { expiresAt: 9e15, content: 'x', length: Number.NaN }],
    ['a negative length', { expiresAt: 9e15, content: 'x', length: -1 }],
    ['an end that is no number', { expiresAt: 'never', content: of(1), length: 1 }],
    ['a content of another kind', { expiresAt: 9e15, content: 4, length: 1 }],
    ['pieces that are not there', { expiresAt: 9e15, content: 'x', length: 100_000 }],
  ])('%s is a miss, and can be replaced', async (_, value) => {
    const { clock, kv, storage } = setUp();
    kv.plant(['isotinker', 'a'], value);
    expect(await clock.drive(storage.get('a'))).toBeUndefined();
    expect(await clock.drive(storage.update('a', (current) => current ?? of(1)))).toEqual(of(1));
    expect(await storage.get('a')).toEqual(of(1));
    await storage.delete('a');
    expect(kv.keys).toEqual([]);
  });

  it.each([
    [1, 1],
    [PIECE, 2],
    [PIECE + 2, 1],
  ])('pieces of other lengths are a miss: %i and %i bytes', async (first, second) => {
    const { clock, kv, storage } = setUp();
    kv.plant(['isotinker', 'a'], { expiresAt: 9e15, content: 'x', length: PIECE + 1 });
    kv.plant(['isotinker', 'x', 0], filled(first, 1));
    kv.plant(['isotinker', 'x', 1], filled(second, 1));
    expect(await clock.drive(storage.get('a'))).toBeUndefined();
  });

  it('a piece of another type is a miss', async () => {
    const { clock, kv, storage } = setUp();
    kv.plant(['isotinker', 'a'], { expiresAt: 9e15, content: 'x', length: PIECE + 1 });
    kv.plant(['isotinker', 'x', 0], filled(PIECE, 1));
    kv.plant(['isotinker', 'x', 1], [1]);
    expect(await clock.drive(storage.get('a'))).toBeUndefined();
  });
});

describe('bounds', () => {
  it('refuses keys of more than 512 bytes in UTF-8, and writes nothing', async () => {
    const { kv, storage } = setUp();
    const key = `${'é'.repeat(256)}x`;
    const calls = [
      storage.get(key),
      storage.set(key, of(1)),
      storage.delete(key),
      storage.update(key, () => of(1)),
    ];
    for (const work of calls) {
      expect(await rejection(work)).toMatchObject({
        message: '"key" must be at most 512 bytes of UTF-8, got 513',
      });
    }
    expect(kv.commits).toBe(0);
  });

  it.each([0.2, 1.5, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER])(
    'takes a lifetime of %d ms, though Deno wants whole ones that are not too long',
    async (ttlMs) => {
      const { clock, kv, storage } = setUp();
      await storage.set('a', of(1), { ttlMs });
      await storage.set('b', filled(2 * PIECE, 1), { ttlMs });
      expect(await storage.get('a')).toEqual(of(1));
      await clock.advance(2);
      kv.sweep();
      expect((await storage.get('a')) === undefined).toBe(ttlMs < 2);
      expect((await clock.drive(storage.get('b'))) === undefined).toBe(ttlMs < 2);
    },
  );

  it('a lifetime of nothing is over at once, not never', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', of(1), { ttlMs: 0 });
    expect(await storage.get('a')).toBeUndefined();
    await clock.advance(1);
    kv.sweep();
    expect(kv.keys).toEqual([]);
  });

  it('deletes what is not there without a write', async () => {
    const { kv, storage } = setUp();
    await storage.delete('a');
    expect(await storage.update('a', () => undefined)).toBeUndefined();
    expect(kv.commits).toBe(0);
  });

  it('misses with one read', async () => {
    let gets = 0;
    const { storage } = setUp({
      async pass(label) {
        if (label.endsWith(':get')) gets += 1;
      },
    });
    await storage.get('a');
    expect(gets).toBe(1);
  });
});

describe('any sequence of calls', () => {
  const key = fc.constantFrom('a', 'b');
  const length = fc.oneof(
    fc.nat(20),
    fc.constantFrom(PIECE - 1, PIECE, PIECE + 1, 12 * PIECE, 12 * PIECE + 1),
    fc.integer({ min: PIECE, max: 15 * PIECE }),
  );
  const ttlMs = fc.option(fc.integer({ min: 1, max: 3_000 }), { nil: undefined });
  const context = fc.nat(1);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), context, key, length, value: fc.nat(255), ttlMs }),
    fc.record({ kind: fc.constant('update' as const), context, key, length, value: fc.nat(255), ttlMs }),
    fc.record({ kind: fc.constant('delete' as const), context, key }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 1_500 }) }),
    fc.constant({ kind: 'sweep' as const }),
  );

  it('reads like memory in every context, and leaves no pieces behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { clock, kv, storage, open } = setUp();
        const contexts = [storage, open()];
        const model = memoryStorage(clock);
        for (const one of steps) {
          if (one.kind === 'pass') await clock.advance(one.ms);
          else if (one.kind === 'sweep') kv.sweep();
          else {
            const store = contexts[one.context]!;
            if (one.kind === 'delete') await Promise.all([store.delete(one.key), model.delete(one.key)]);
            else {
              const value = filled(one.length, one.value);
              const change = (current: Uint8Array | undefined) =>
                current === undefined || current.length % 2 === 0 ? value : undefined;
              for (const each of [store, model]) {
                if (one.kind === 'set') await each.set(one.key, value, { ttlMs: one.ttlMs });
                else await each.update(one.key, change, { ttlMs: one.ttlMs });
              }
            }
          }
          for (const name of ['a', 'b']) {
            const expected = await model.get(name);
            for (const each of contexts) expectSame(await each.get(name), expected);
          }
        }
        await Promise.all(['a', 'b'].map((name) => storage.delete(name)));
        await clock.advance(2 * HOUR_MS);
        kv.sweep();
        expect(kv.keys).toEqual([]);
        clocks.splice(0);
      }),
      { numRuns: 60 },
    );
  });
});
