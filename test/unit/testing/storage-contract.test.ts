import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage, StorageSetOptions } from '../../../src/storage/storage.ts';
import { STORAGE_CONTRACT, storageCases } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Store = ReturnType<typeof memoryStorage>;
type Change = (current: Bytes | undefined) => Uint8Array | undefined;

/** What is wrong with a store: a change of parts of a healthy one. */
type Defect = (store: Store, clock: VirtualClock) => Partial<Storage>;

const throws = (message: string) => async (): Promise<never> => {
  throw new Error(message);
};
/** An update that is not one step: others come between its reading and its writing. */
const looseUpdate = (store: Store) => async (key: string, change: Change, options?: StorageSetOptions) => {
  const next = change(await store.get(key));
  if (next === undefined) await store.delete(key);
  else await store.set(key, next, options);
  return store.get(key);
};
/** A store that keeps and gives the very objects it is handed. */
const byReference = (store: Store) => {
  const values = new Map<string, Bytes>();
  const get = async (key: string) => values.get(key);
  const set = async (key: string, value: Uint8Array) => void values.set(key, value as Bytes);
  return { values, get, set, copy: { get: store.get, set: store.set } };
};

/** For each case of the contract: a store that gets just that wrong, and the words for it. */
const DEFECTS: Readonly<
  Record<string, readonly (readonly [defect: string, make: Defect, told: string | RegExp])[]>
> = {
  'has nothing under a key that was never set': [
    [
      'gives null',
      (store) => ({ get: async (key) => (await store.get(key)) ?? (null as never) }),
      'get(absent): expected undefined, got null',
    ],
    ['cannot delete nothing', () => ({ delete: throws('no such key') }), 'no such key'],
  ],
  'gives back what was set, empty values included': [
    [
      'takes an empty value for none',
      (store) => ({ get: async (key) => ((await store.get(key))?.length ? store.get(key) : undefined) }),
      'get(empty): expected 0 bytes <>, got undefined',
    ],
    [
      'keeps text',
      (store) => ({
        set: (key, value, options) =>
          store.set(key, new TextEncoder().encode(new TextDecoder().decode(value)), options),
      }),
      'get(a): expected 3 bytes <1 2 255>, got 5 bytes <1 2 239 191 189>',
    ],
    [
      'gives an array',
      (store) => ({ get: async (key) => [...((await store.get(key)) ?? [])] as never }),
      'get(a): expected 3 bytes <1 2 255>, got [1, 2, 255]',
    ],
  ],
  'replaces a value, its lifetime included': [
    [
      'keeps the first',
      (store) => ({
        set: async (key, value) => ((await store.get(key)) ? undefined : store.set(key, value)),
      }),
      'get(a): expected 1 bytes <2>, got 1 bytes <1>',
    ],
    [
      'keeps the first lifetime',
      (store) => {
        const lifetimes = new Map<string, StorageSetOptions | undefined>();
        return {
          set(key, value, options) {
            if (!lifetimes.has(key)) lifetimes.set(key, options);
            return store.set(key, value, lifetimes.get(key));
          },
        };
      },
      'get(a): expected 1 bytes <2>, got undefined',
    ],
  ],
  'forgets what was deleted, and nothing else': [
    ['deletes nothing', () => ({ delete: async () => {} }), 'get(a): expected undefined, got 1 bytes <1>'],
    [
      'deletes everything',
      (store) => ({ delete: async () => void (await Promise.all(['a', 'b'].map(store.delete))) }),
      'get(b): expected 1 bytes <2>, got undefined',
    ],
  ],
  'copies on the way in': [
    [
      'keeps what it is handed',
      (store) => {
        const { values, set } = byReference(store);
        return { set, get: async (key) => values.get(key)?.slice() };
      },
      'get(a): expected 2 bytes <1 2>, got 2 bytes <9 2>',
    ],
  ],
  'copies on the way in at once, before anything is waited for': [
    [
      'copies when it comes to it',
      (store) => ({
        async set(key, value) {
          await undefined;
          await store.set(key, value);
        },
      }),
      'get(a): expected 2 bytes <1 2>, got 2 bytes <9 9>',
    ],
  ],
  'copies on the way out': [
    [
      'gives what it keeps',
      (store) => {
        const { get, set } = byReference(store);
        return { get, set: (key, value) => set(key, value.slice()) };
      },
      'get(a): expected 2 bytes <1 2>, got 2 bytes <9 9>',
    ],
  ],
  'carries out many calls at once, the very first among them': [
    [
      'loses what comes while it opens',
      (store) => {
        let opening: Promise<void> | undefined;
        return {
          async set(key, value) {
            if (opening === undefined) {
              opening = Promise.resolve();
              await opening;
              await store.set(key, value);
            }
          },
        };
      },
      /^what was found: expected \[1 bytes <0>, 1 bytes <1>, .*, got \[1 bytes <0>, undefined, /,
    ],
    [
      'mixes up what is asked together',
      (store) => {
        let asked = '';
        return {
          async get(key) {
            asked = key;
            await undefined;
            return store.get(asked);
          },
        };
      },
      /^what was found: expected \[1 bytes <0>, .*, got \[1 bytes <39>, /,
    ],
  ],
  'stores a view’s bytes, not its buffer’s': [
    [
      'keeps the buffer',
      (store) => ({ set: (key, value) => store.set(key, new Uint8Array(value.buffer)) }),
      'get(a): expected 2 bytes <1 2>, got 4 bytes <0 1 2 3>',
    ],
    [
      'gives a view of something larger',
      (store) => ({
        async get(key) {
          const value = await store.get(key);
          return value && new Uint8Array([...value, 0]).subarray(0, value.length);
        },
      }),
      'length of its buffer: expected 2, got 3',
    ],
  ],
  'keeps a value for its lifetime and not a millisecond longer': [
    [
      'knows no lifetimes',
      (store) => ({ set: (key, value) => store.set(key, value) }),
      'get(a): expected undefined, got 1 bytes <1>',
    ],
    [
      'takes milliseconds for less',
      (store) => ({
        set: (key, value, options) => store.set(key, value, { ttlMs: (options?.ttlMs ?? 0) - 1 }),
      }),
      'get(a): expected 1 bytes <1>, got undefined',
    ],
  ],
  'keeps a value no longer for being read in its lifetime': [
    [
      'starts a lifetime anew with each reading',
      (store) => ({
        async get(key) {
          const value = await store.get(key);
          if (value !== undefined) await store.set(key, value, { ttlMs: 1_000 });
          return value;
        },
      }),
      'get(a): expected undefined, got 1 bytes <1>',
    ],
    [
      'gives a value once',
      (store) => ({
        async get(key) {
          const value = await store.get(key);
          await store.delete(key);
          return value === undefined ? Uint8Array.of(0) : value;
        },
      }),
      'get(a): expected undefined, got 1 bytes <0>',
    ],
  ],
  'keeps nothing for a lifetime of no time': [
    [
      'takes no time for no end',
      (store) => ({
        set: (key, value, options) => store.set(key, value, options?.ttlMs ? options : undefined),
      }),
      'get(a): expected undefined, got 1 bytes <2>',
    ],
    [
      'ignores what is over at once',
      (store) => ({
        set: async (key, value, options) =>
          options?.ttlMs === 0 ? undefined : store.set(key, value, options),
      }),
      'get(a): expected undefined, got 1 bytes <1>',
    ],
  ],
  'keeps a value that is to stay for years': [
    ...([2 ** 31, 2 ** 32, 1e11] as const).map((limit): readonly [string, Defect, string] => [
      `ends a lifetime beyond ${limit} ms at once`,
      (store) => ({
        set: (key, value, { ttlMs = 0 } = {}) => store.set(key, value, { ttlMs: ttlMs < limit ? ttlMs : 0 }),
      }),
      `get(${limit === 2 ** 31 ? 25 : limit === 2 ** 32 ? 50 : 3_650} days): expected 1 bytes <1>, got undefined`,
    ]),
  ],
  'takes keys of 512 bytes in UTF-8, and tells them apart to the end': [
    [
      'cuts long keys',
      (store) => ({
        get: (key) => store.get(key.slice(0, 255)),
        set: (key, value) => store.set(key.slice(0, 255), value),
      }),
      'get(….a): expected 1 bytes <1>, got 1 bytes <2>',
    ],
    [
      'refuses long keys',
      (store) => ({
        set: (key, value) =>
          new TextEncoder().encode(key).length < 512 ? store.set(key, value) : throws('too long')(),
      }),
      'too long',
    ],
  ],
  'takes keys that are names of an object’s own things': [
    [
      'keeps values in an object',
      () => {
        const values: Record<string, Bytes> = {};
        return {
          get: async (key) => values[key],
          set: async (key, value) => {
            values[key] = new Uint8Array(value);
          },
        };
      },
      'get(__proto__): expected undefined, got an object',
    ],
    [
      'drops such a key',
      (store) => ({ set: async (key, value) => (key === '__proto__' ? undefined : store.set(key, value)) }),
      'get(__proto__): expected 1 bytes <1>, got undefined',
    ],
  ],
  'tells keys apart that look alike': [
    ...(
      [
        ['knows no case', (key) => key.toLowerCase(), 'get(a): expected 1 bytes <0>, got 1 bytes <1>'],
        ['trims keys', (key) => key.trim(), 'get(a): expected 1 bytes <0>, got 1 bytes <3>'],
        [
          'takes keys for paths',
          (key) => key.replace(/\/$/, ''),
          'get(a): expected 1 bytes <0>, got 1 bytes <4>',
        ],
        ['normalizes keys', (key) => key.normalize('NFC'), 'get(é): expected 1 bytes <7>, got 1 bytes <8>'],
        ['keeps half of a pair', (key) => key.charAt(0), 'get(a): expected 1 bytes <0>, got 1 bytes <6>'],
        [
          'has no letters beyond its own',
          (key) => key.replace(/\p{Emoji_Presentation}/gu, '?'),
          'get(😀): expected 1 bytes <9>, got 1 bytes <10>',
        ],
      ] as const satisfies readonly (readonly [string, (key: string) => string, string])[]
    ).map(([defect, garble, told]): readonly [string, Defect, string] => [
      defect,
      (store) => ({
        get: (key) => store.get(garble(key)),
        set: (key, value) => store.set(garble(key), value),
      }),
      told,
    ]),
  ],
  'keeps a megabyte': [
    [
      'cuts long values',
      (store) => ({ set: (key, value) => store.set(key, value.subarray(0, 65_536)) }),
      'get(large): expected 1000000 bytes <0 1 2 3 4 5 6 7 …>, got 65536 bytes <0 1 2 3 4 5 6 7 …>',
    ],
    [
      'garbles their ends',
      (store) => ({
        set(key, value) {
          const garbled = value.slice();
          garbled[999_999] = 0;
          return store.set(key, garbled);
        },
      }),
      'get(large): expected 1000000 bytes <0 1 2 3 4 5 6 7 …>, got 1000000 bytes <0 1 2 3 4 5 6 7 …>',
    ],
  ],
  'updates from nothing, from a value, and to nothing': [
    [
      'gives what was there before',
      (store) => ({
        async update(key, change, options) {
          const before = await store.get(key);
          await store.update(key, change, options);
          return before;
        },
      }),
      'update from nothing: expected 1 bytes <1>, got undefined',
    ],
    [
      'shows a change nothing',
      (store) => ({
        update: (key, change, options) => store.update(key, () => change(undefined), options),
      }),
      'what the changes were given: expected [undefined, 1 bytes <1>, 1 bytes <2>], got [undefined, undefined, undefined]',
    ],
    [
      'cannot update to nothing',
      (store) => ({
        async update(key, change) {
          const next = change(await store.get(key));
          if (next !== undefined) await store.set(key, next);
          return next && new Uint8Array(next);
        },
      }),
      'get(a): expected undefined, got 1 bytes <2>',
    ],
    ['has no update', () => ({ update: undefined as never }), 'This store has no update'],
  ],
  'updates with a lifetime, and sees an expired value as none': [
    [
      'knows no lifetimes in updates',
      (store) => ({ update: (key, change) => store.update(key, change) }),
      'what the change was given: expected undefined, got 1 bytes <1>',
    ],
    [
      'keeps the first lifetime',
      (store) => {
        let first: StorageSetOptions | undefined;
        return {
          update(key, change, options) {
            first ??= options;
            return store.update(key, change, first);
          },
        };
      },
      'get(a): expected 1 bytes <2>, got undefined',
    ],
  ],
  'updates a value without end, whatever lifetime it had': [
    [
      'keeps the lifetime of the value that was there',
      (store) => {
        const lifetimes = new Map<string, StorageSetOptions | undefined>();
        return {
          set(key, value, options) {
            lifetimes.set(key, options);
            return store.set(key, value, options);
          },
          update: (key, change, options) => store.update(key, change, options ?? lifetimes.get(key)),
        };
      },
      'get(a): expected 1 bytes <2>, got undefined',
    ],
  ],
  'updates to and from an empty value, and to a view’s bytes': [
    [
      'deletes what would be empty',
      (store) => ({
        update: (key, change, options) =>
          store.update(
            key,
            (current) => {
              const next = change(current);
              return next?.length ? next : undefined;
            },
            options,
          ),
      }),
      'update to an empty value: expected 0 bytes <>, got undefined',
    ],
    [
      'takes an empty value for none',
      (store) => ({
        update: (key, change) =>
          store.update(key, (current) => change(current?.length ? current : undefined)),
      }),
      'what the change was given: expected 0 bytes <>, got undefined',
    ],
    [
      'keeps the buffer',
      (store) => ({
        async update(key, change) {
          let next: Uint8Array | undefined;
          await store.update(key, (current) => {
            next = change(current);
            return next && new Uint8Array(next.buffer);
          });
          return next && new Uint8Array(next);
        },
      }),
      'get(a): expected 2 bytes <1 2>, got 4 bytes <0 1 2 3>',
    ],
  ],
  'updates one key and no other': [
    [
      'forgets everything with one key',
      (store) => ({
        async update(key, change, options) {
          const next = await store.update(key, change, options);
          if (next === undefined) await Promise.all(['a', 'b'].map(store.delete));
          return next;
        },
      }),
      'get(b): expected 1 bytes <2>, got undefined',
    ],
    [
      'has one update at a time, of one key',
      (store) => {
        let last: string | undefined;
        return {
          update(key, change, options) {
            last ??= key;
            return store.update(last, change, options);
          },
        };
      },
      'get(a): expected undefined, got 1 bytes <3>',
    ],
    [
      'does not delete',
      (store) => ({
        update: async (key, change, options) =>
          key === 'a' ? undefined : store.update(key, change, options),
      }),
      'get(a): expected undefined, got 1 bytes <1>',
    ],
  ],
  'loses no update of many at once': [
    [
      'is not atomic',
      (store) => ({ update: looseUpdate(store) }),
      'get(count): expected 1 bytes <50>, got 1 bytes <1>',
    ],
  ],
  'loses nothing that is set amid updates': [
    [
      'is atomic among updates only',
      (store) => {
        let last: Promise<unknown> = Promise.resolve();
        const slowly = async (work: () => Promise<unknown>): Promise<void> => {
          for (let turns = 0; turns < 5; turns++) await undefined;
          await work();
        };
        return {
          update(key, change, options) {
            const turn = last.then(async () => {
              const next = change(await store.get(key));
              if (next !== undefined) await slowly(() => store.set(key, next, options));
              return store.get(key);
            });
            last = turn;
            return turn;
          },
          set: (key, value, options) => slowly(() => store.set(key, value, options)),
        };
      },
      'get(count): expected 100 at least, got 2',
    ],
  ],
  'copies what an update is given and what it gives': [
    ...(
      [
        ['keeps what a change gives', 'in', 'get(a): expected 1 bytes <1>, got 1 bytes <9>'],
        ['gives what it keeps', 'out', 'get(a): expected 1 bytes <1>, got 1 bytes <8>'],
        ['shows a change what it keeps', 'shown', 'get(a): expected 1 bytes <1>, got 1 bytes <7>'],
      ] as const
    ).map(([defect, live, told]): readonly [string, Defect, string] => [
      defect,
      (store) => {
        const { values } = byReference(store);
        const copy = (value: Uint8Array | undefined, where: string) =>
          value && (where === live ? (value as Bytes) : new Uint8Array(value));
        return {
          get: async (key) => values.get(key)?.slice(),
          async update(key, change) {
            const given = copy(values.get(key), 'shown');
            const changed = change(given);
            // A change may give what it was shown.
            const next = live === 'shown' ? (changed as Bytes | undefined) : copy(changed, 'in');
            if (next !== undefined)
              values.set(key, live === 'shown' && changed !== given ? next.slice() : next);
            return copy(next, 'out');
          },
        };
      },
      told,
    ]),
  ],
  'writes nothing if the change throws': [
    [
      'deletes the value',
      (store) => ({
        async update(key, change) {
          try {
            return await store.update(key, change);
          } catch (error) {
            await store.delete(key);
            throw error;
          }
        },
      }),
      'get(a): expected 1 bytes <1>, got undefined',
    ],
    [
      'swallows the error',
      (store) => ({ update: async (key, change) => store.update(key, change).catch(() => undefined) }),
      'update: expected a rejection with Error "no", got undefined',
    ],
    [
      'is never well again',
      (store) => {
        let isStuck = false;
        return {
          async update(key, change) {
            if (isStuck) throw new Error('There is a transaction already');
            isStuck = true;
            const next = await store.update(key, change);
            isStuck = false;
            return next;
          },
        };
      },
      'There is a transaction already',
    ],
    [
      'has an error of its own',
      (store) => ({ update: async (key, change) => store.update(key, change).catch(throws('aborted')) }),
      'update: expected a rejection with Error "no", got one with Error "aborted"',
    ],
    [
      'shows the change what it keeps',
      (store) => {
        const { values, get, set } = byReference(store);
        return {
          get,
          set,
          async update(key, change) {
            return change(values.get(key)) as Bytes | undefined;
          },
        };
      },
      'get(a): expected 1 bytes <1>, got 1 bytes <9>',
    ],
  ],
};

const caseOf = (name: string) => STORAGE_CONTRACT.find((one) => one.name === name)!;

describe('STORAGE_CONTRACT', () => {
  it('has cases of names of their own, each with a store that breaks it', () => {
    const names = STORAGE_CONTRACT.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(Object.keys(DEFECTS)).toEqual(names);
  });

  it.each(STORAGE_CONTRACT)('passes a store that is right: $name', async ({ run }) => {
    const clock = createVirtualClock();
    await run(memoryStorage(clock), clock);
    expect(clock.pending).toBe(0);
  });

  describe.each(Object.entries(DEFECTS))('%s', (name, defects) => {
    it.each(defects)('catches a store that %s', async (_, defect, told) => {
      const clock = createVirtualClock({ graceTurns: 1 });
      const healthy = memoryStorage(clock);
      const broken: Storage = { ...healthy, ...defect(healthy, clock) };
      const message = told instanceof RegExp ? expect.stringMatching(told) : told;
      expect(await rejection(caseOf(name).run(broken, clock))).toMatchObject({ message });
    });
  });

  it('calls the store’s methods on the store', async () => {
    class Owned implements Storage {
      readonly inner = memoryStorage(createVirtualClock());
      get(key: string) {
        return this.inner.get(key);
      }
      set(key: string, value: Uint8Array) {
        return this.inner.set(key, value);
      }
      delete(key: string) {
        return this.inner.delete(key);
      }
      update(key: string, change: Change) {
        return this.inner.update(key, change);
      }
    }
    for (const { run } of storageCases({ time: false })) await run(new Owned());
  });
});

describe('storageCases', () => {
  const names = (abilities?: Parameters<typeof storageCases>[0]) =>
    storageCases(abilities).map(({ name }) => name);
  const all = STORAGE_CONTRACT.map(({ name }) => name);
  const inUpdate = all.filter((name) => /update|the change throws/.test(name));
  const inTime = all.filter((name) => name.includes('lifetime'));

  it('leaves out what a store cannot do', () => {
    expect([inUpdate.length, inTime.length]).toEqual([9, 6]);
    expect(names()).toEqual(all);
    expect(names({ update: true, time: true })).toEqual(all);
    expect(names({ update: false })).toEqual(all.filter((name) => !inUpdate.includes(name)));
    expect(names({ time: false })).toEqual(all.filter((name) => !inTime.includes(name)));
    expect(names({ update: false, time: false })).toEqual(
      all.filter((name) => !inUpdate.includes(name) && !inTime.includes(name)),
    );
  });

  it.each(storageCases({ time: false }))(
    'needs no clock to move where there is none: $name',
    async ({ run }) => {
      await run(memoryStorage());
    },
  );

  it.each(inTime)('needs one elsewhere: %s', async (name) => {
    expect(await rejection(caseOf(name).run(memoryStorage()))).toMatchObject({
      message: 'This case needs a time that can be moved',
    });
  });
});
