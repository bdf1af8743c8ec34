import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import type { Pass } from '../../../src/testing/gates.ts';
import { exploreInterleavings } from '../../../src/testing/interleavings.ts';
import { STORAGE_CONTRACT, storageCases } from '../../../src/testing/storage-contract.ts';
import {
  createSharedStore,
  type SharedStoreOptions,
  type StorageCall,
} from '../../../src/testing/two-contexts.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';

const LAG_MS = 60_000;

function setUp(options: Omit<SharedStoreOptions, 'clock'>) {
  const clock = createVirtualClock({ graceTurns: 1 });
  const store = createSharedStore({ clock, ...options });
  return { clock, store, one: store.open(), other: store.open() };
}

const read = async (storage: Storage, key = 'k'): Promise<number | undefined> =>
  (await storage.get(key))?.[0];
const increment = (storage: Storage) =>
  storage.update!('k', (current) => Uint8Array.of((current?.[0] ?? 0) + 1));

/** Each call of a store, as `1:set k`. */
const told = (calls: readonly StorageCall[]): string[] =>
  calls.map(({ context, operation, key }) => `${context}:${operation} ${key}`);

const CALLS: readonly (readonly [StorageCall['operation'], (storage: Storage) => Promise<unknown>])[] = [
  ['get', (storage) => storage.get('k')],
  ['set', (storage) => storage.set('k', Uint8Array.of(9))],
  ['delete', (storage) => storage.delete('k')],
  ['update', (storage) => storage.update!('k', () => Uint8Array.of(9))],
];

describe('any shared store', () => {
  it.each(STORAGE_CONTRACT)('is a store, where it is strict: $name', async ({ run }) => {
    const { clock, one } = setUp({ consistency: 'strict' });
    await run(one, clock);
    expect(clock.pending).toBe(0);
  });

  it.each(storageCases({ update: false }))('is a store, however late its hints: $name', async ({ run }) => {
    const { clock, one } = setUp({ consistency: 'hint', stalenessMs: LAG_MS });
    await run(one, clock);
    expect(clock.pending).toBe(0);
  });

  it.each(storageCases({ time: false }))('is a store, however slow: $name', async ({ run }) => {
    const { clock, one } = setUp({ consistency: 'strict', latencyMs: 20 });
    await clock.drive(run(one));
    expect(clock.monotonic()).toBeGreaterThan(20);
    expect(clock.pending).toBe(0);
  });

  it.each(['strict', 'hint'] as const)('shares its values: %s', async (consistency) => {
    const { one, other } = setUp({ consistency });
    await one.set('k', Uint8Array.of(1));
    expect(await read(other)).toBe(1);
    await other.delete('k');
    expect(await read(one)).toBeUndefined();
    expect('update' in one).toBe(consistency === 'strict');
  });

  it('takes what a set is given at once, though it is carried out later', async () => {
    const { clock, one } = setUp({ consistency: 'strict', latencyMs: 10 });
    const value = Uint8Array.of(1);
    const work = one.set('k', value);
    value[0] = 9;
    await clock.drive(work);
    expect(await clock.drive(read(one))).toBe(1);
  });

  it('copies for each context', async () => {
    const { one, other } = setUp({ consistency: 'strict' });
    await one.set('k', Uint8Array.of(1));
    (await one.get('k'))?.fill(9);
    expect(await read(other)).toBe(1);
  });

  it('ends a lifetime in wall time, for all contexts', async () => {
    const { clock, one, other } = setUp({ consistency: 'strict' });
    await one.set('k', Uint8Array.of(1), { ttlMs: 1_000 });
    clock.jumpWall(999);
    expect(await read(other)).toBe(1);
    clock.jumpWall(1);
    expect([await read(one), await read(other)]).toEqual([undefined, undefined]);
  });

  it.each<readonly [string, Partial<SharedStoreOptions>]>([
    ['consistency', { consistency: 'eventual' as never }],
    ['latencyMs', { latencyMs: -1 }],
    ['stalenessMs', { consistency: 'hint', stalenessMs: Number.NaN }],
    ['stalenessMs', { consistency: 'strict', stalenessMs: 1 }],
  ])('refuses a %s that cannot be right', (field, options) => {
    const error = thrown(() => setUp({ consistency: 'strict', ...options }));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe(field);
  });
});

describe('a strict store', () => {
  it('loses no update of two contexts, and logs them in their order', async () => {
    const { clock, store, one, other } = setUp({ consistency: 'strict', latencyMs: 2 });
    const work = Array.from({ length: 40 }, (_, i) => increment(i % 2 === 0 ? one : other));
    await clock.drive(Promise.all(work));
    expect(store.transactions.map(({ at }) => at)).toEqual(work.map((_, i) => 2 * (i + 1)));
    expect(told(store.transactions)).toEqual(work.map((_, i) => `${(i % 2) + 1}:update k`));
    expect(await clock.drive(read(one))).toBe(40);
    expect(clock.pending).toBe(0);
  });

  it('carries calls of every kind out in the order they were made', async () => {
    const { clock, store, one, other } = setUp({ consistency: 'strict', latencyMs: 5 });
    const results = Promise.all([
      one.set('k', Uint8Array.of(1)),
      read(other),
      other.delete('k'),
      read(one),
      increment(one),
    ]);
    expect((await clock.drive(results)).slice(0, 4)).toEqual([undefined, 1, undefined, undefined]);
    expect(told(store.transactions)).toEqual(['1:set k', '2:get k', '2:delete k', '1:get k', '1:update k']);
    expect(clock.monotonic()).toBe(25);
  });

  it('goes on after a change that threw, which is not in the log', async () => {
    const { store, one, other } = setUp({ consistency: 'strict' });
    const no = new Error('no');
    const failed = rejection(
      one.update!('k', () => {
        throw no;
      }),
    );
    const next = increment(other);
    expect(await failed).toBe(no);
    expect(await next).toEqual(Uint8Array.of(1));
    expect(told(store.transactions)).toEqual(['2:update k']);
  });
});

describe('a hint store', () => {
  it('shows a context its own writes at once, and the others late, deletions too', async () => {
    const { clock, one, other } = setUp({ consistency: 'hint', stalenessMs: LAG_MS });
    await one.set('k', Uint8Array.of(1));
    expect([await read(one), await read(other)]).toEqual([1, undefined]);
    await clock.advance(LAG_MS - 1);
    expect(await read(other)).toBeUndefined();
    await clock.advance(1);
    expect(await read(other)).toBe(1);
    await one.delete('k');
    expect([await read(one), await read(other)]).toEqual([undefined, 1]);
    await clock.advance(LAG_MS);
    expect(await read(other)).toBeUndefined();
  });

  it('lets the last write win, for both in the end', async () => {
    const { clock, one, other } = setUp({ consistency: 'hint', stalenessMs: 100 });
    await one.set('k', Uint8Array.of(1));
    await clock.advance(50);
    await other.set('k', Uint8Array.of(2));
    expect([await read(one), await read(other)]).toEqual([1, 2]);
    await clock.advance(100);
    expect([await read(one), await read(other)]).toEqual([2, 2]);
  });

  it('is not fooled by a jump of wall time', async () => {
    const { clock, one, other } = setUp({ consistency: 'hint', stalenessMs: 100 });
    await one.set('k', Uint8Array.of(1));
    clock.jumpWall(-1_000_000);
    await clock.advance(100);
    expect(await read(other)).toBe(1);
  });

  it('lets calls overlap', async () => {
    const { clock, store, one, other } = setUp({ consistency: 'hint', latencyMs: 20 });
    await clock.drive(Promise.all([one.get('a'), one.get('b'), other.get('c')]));
    expect([clock.monotonic(), store.transactions.map(({ at }) => at)]).toEqual([20, [20, 20, 20]]);
  });

  it('loses an update where two read before they write', async () => {
    const { one, other } = setUp({ consistency: 'hint' });
    const add = async (storage: Storage): Promise<void> =>
      storage.set('k', Uint8Array.of(((await read(storage)) ?? 0) + 1));
    await Promise.all([add(one), add(other)]);
    expect(await read(one)).toBe(1);
  });

  it('draws how late a write is, and never shows what is older than what it has shown', async () => {
    const step = fc.record({ by: fc.nat(1), waitMs: fc.nat(60) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.nat(1_000), async (steps, seed) => {
        const draw = seededRandom(seed);
        const lags: number[] = [];
        const random = (): number => {
          lags.push(draw());
          return lags.at(-1)!;
        };
        const { clock, one, other } = setUp({ consistency: 'hint', stalenessMs: 100, random });
        const contexts = [one, other];
        const writes: { readonly by: number; readonly at: number }[] = [];
        // The newest write that is a context's own, or old enough for its lag.
        const expected = (context: number): number | undefined => {
          const seen = writes.findLastIndex(
            ({ by, at }, i) => by === context || at + 100 * lags[i]! <= clock.monotonic(),
          );
          return seen === -1 ? undefined : seen;
        };
        const shown = [-1, -1];
        for (const { by, waitMs } of steps) {
          await contexts[by]!.set('k', Uint8Array.of(writes.length));
          writes.push({ by, at: clock.monotonic() });
          await clock.advance(waitMs);
          for (const context of [0, 1]) {
            const value = await read(contexts[context]!);
            expect(value).toBe(expected(context));
            expect(value ?? -1).toBeGreaterThanOrEqual(shown[context]!);
            shown[context] = value ?? -1;
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('trouble', () => {
  it.each(CALLS)('throws from %s before there is a promise', (operation, call) => {
    const { store, one } = setUp({ consistency: 'strict' });
    store.fail(operation, 'throw');
    expect(thrown(() => void call(one))).toMatchObject({
      message: `The store fails ${operation} of "k" in context 1`,
    });
  });

  it.each(CALLS)('rejects a %s after its latency, and only that', async (operation, call) => {
    const { clock, store, one, other } = setUp({ consistency: 'strict', latencyMs: 5 });
    store.fail(operation, 'reject');
    expect(await clock.drive(rejection(call(other)))).toMatchObject({
      message: `The store fails ${operation} of "k" in context 2`,
    });
    expect([clock.monotonic(), store.transactions]).toEqual([5, []]);
    for (const [name, healthy] of CALLS) if (name !== operation) await clock.drive(healthy(one));
    expect(store.transactions).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it.each(CALLS)('lets a %s hang, and nothing behind it', async (operation, call) => {
    const { clock, store, one, other } = setUp({ consistency: 'strict', latencyMs: 5 });
    store.fail(operation, 'hang');
    let isSettled = false;
    void call(one).finally(() => {
      isSettled = true;
    });
    store.heal();
    await clock.drive(other.set('k', Uint8Array.of(1)));
    await clock.advance(1_000_000);
    expect([isSettled, clock.pending, told(store.transactions)]).toEqual([false, 0, ['2:set k']]);
  });

  it('may be absence: nothing is found, and nothing is kept', async () => {
    const { store, one, other } = setUp({ consistency: 'strict' });
    await one.set('k', Uint8Array.of(1));
    store.fail(undefined, 'absent');
    expect(await one.get('k')).toBeUndefined();
    await one.set('k', Uint8Array.of(2));
    await one.delete('k');
    let shown: unknown = 'not called';
    const next = Uint8Array.of(3);
    const written = await one.update!('k', (current) => {
      shown = current;
      return next;
    });
    expect([shown, written]).toEqual([undefined, Uint8Array.of(3)]);
    expect(written).not.toBe(next);
    expect(await one.update!('k', () => undefined)).toBeUndefined();
    expect(store.transactions).toHaveLength(1);
    store.heal();
    expect(await read(other)).toBe(1);
  });

  it('of one operation goes before that of all, and both before what was given at the start', async () => {
    const asked: StorageCall[] = [];
    const { store, one, other } = setUp({
      consistency: 'strict',
      faults(call) {
        asked.push(call);
        return call.context === 2 ? 'reject' : undefined;
      },
    });
    await one.get('k');
    expect(await rejection(other.get('k'))).toBeInstanceOf(Error);
    expect(told(asked)).toEqual(['1:get k', '2:get k']);
    store.fail(undefined, 'absent');
    store.fail('set', 'throw');
    expect(await other.get('k')).toBeUndefined();
    expect(thrown(() => void one.set('k', Uint8Array.of(1)))).toBeInstanceOf(Error);
    expect(asked).toHaveLength(2);
    store.heal();
    await one.set('k', Uint8Array.of(1));
    expect(await rejection(other.get('k'))).toBeInstanceOf(Error);
  });
});

describe('gates in a store', () => {
  const contexts = (pass: Pass, consistency: SharedStoreOptions['consistency']) => {
    const store = createSharedStore({ clock: createVirtualClock(), consistency, pass });
    return { store, one: store.open(), other: store.open() };
  };

  it('show that read, then write loses an update of two contexts, and in which order', async () => {
    let store = createSharedStore({ clock: createVirtualClock(), consistency: 'hint' });
    const error = await rejection(
      exploreInterleavings(
        (pass) => {
          const made = contexts(pass, 'hint');
          const { one, other } = made;
          ({ store } = made);
          const add = async (storage: Storage): Promise<void> =>
            storage.set('k', Uint8Array.of(((await read(storage)) ?? 0) + 1));
          return [() => add(one), () => add(other)];
        },
        async () => {
          // Through the same gates, which are open now.
          const count = await read(store.open());
          if (count !== 2) throw new Error(`the count is ${count}`);
        },
      ),
    );
    expect(error).toMatchObject({
      schedule: ['1:get k', '2:get k', '1:set k', '2:set k'],
      message: expect.stringContaining('the count is 1'),
    });
  });

  it('show that an atomic update loses none, in the order the log has', async () => {
    let store = createSharedStore({ clock: createVirtualClock(), consistency: 'strict' });
    const { schedules } = await exploreInterleavings(
      async (pass) => {
        const made = contexts(pass, 'strict');
        ({ store } = made);
        return [
          async () => {
            await increment(made.one);
            return increment(made.one);
          },
          () => increment(made.other),
          () => read(made.other),
        ];
      },
      async (schedule, [first, second]) => {
        expect(told(store.transactions)).toEqual(schedule);
        expect(Math.max(...(first as Uint8Array), ...(second as Uint8Array))).toBe(3);
      },
    );
    expect(schedules).toBe(12);
  });
});
