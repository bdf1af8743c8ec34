import { IDBFactory } from 'fake-indexeddb';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/kernel/random.ts';
import { indexedDbStorage } from '../../../src/storage/indexeddb.ts';
import { realTurns } from '../../../src/testing/real-turns.ts';
import { STORAGE_CONTRACT } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

let factory: IDBFactory;
beforeEach(() => {
  factory = new IDBFactory();
  globalThis.indexedDB = factory;
});
afterEach(() => {
  Reflect.deleteProperty(globalThis, 'indexedDB');
});

const bytes = (...values: number[]) => Uint8Array.from(values);

/** A request of the platform's as a promise. */
const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** What fake-indexeddb's databases have beside the standard. */
interface Internals {
  readonly _rawDatabase: {
    readonly connections: readonly IDBDatabase[];
    readonly transactions: readonly { readonly _state: string }[];
  };
}

/** A connection that knows nothing of the adapter, and makes way for nobody. */
const openRaw = (name = 'isotinker', version?: number) => done(factory.open(name, version));
const rawStore = (database: IDBDatabase) => database.transaction('values', 'readwrite').objectStore('values');

describe('the contract', () => {
  it.each(STORAGE_CONTRACT)('$name', async ({ run }) => {
    const clock = createVirtualClock();
    await run(indexedDbStorage({ clock }), clock);
    expect(clock.pending).toBe(0);
  });
});

describe('its database', () => {
  it('is opened by the first call and not before, once for all that come together', async () => {
    const opened: string[] = [];
    globalThis.indexedDB = {
      open: (name: string) => {
        opened.push(name);
        return factory.open(name);
      },
    } as IDBFactory;
    const storage = indexedDbStorage();
    expect(opened).toEqual([]);
    await Promise.all(['a', 'b', 'c'].map((key) => storage.set(key, bytes(1))));
    await storage.get('a');
    expect(opened).toEqual(['isotinker']);
  });

  it('is one of its own with one object store, under the name it is given', async () => {
    await indexedDbStorage().set('k', bytes(1));
    await indexedDbStorage({ name: 'mine' }).set('k', bytes(2));
    expect((await factory.databases()).map(({ name }) => name).sort()).toEqual(['isotinker', 'mine']);
    const database = await openRaw('mine');
    expect([...database.objectStoreNames]).toEqual(['values']);
    expect(rawStore(database)).toMatchObject({ autoIncrement: false, keyPath: null });
    expect(await indexedDbStorage().get('k')).toEqual(bytes(1));
  });

  it('keeps rows of bytes, with their end where they have one', async () => {
    const clock = createVirtualClock(5_000);
    const storage = indexedDbStorage({ clock });
    await storage.set('a', bytes(1, 2).subarray(1));
    await storage.set('b', bytes(3), { ttlMs: 500 });
    await storage.update('c', () => bytes(4), { ttlMs: 600 });
    const store = rawStore(await openRaw());
    expect(await done(store.get('a'))).toStrictEqual({ v: 1, bytes: bytes(2) });
    expect(await done(store.get('b'))).toStrictEqual({ v: 1, bytes: bytes(3), expiresAt: 5_500 });
    expect(await done(store.get('c'))).toStrictEqual({ v: 1, bytes: bytes(4), expiresAt: 5_600 });
  });

  it('goes by the system’s clock where it is given none', async () => {
    const storage = indexedDbStorage();
    await storage.set('a', bytes(1), { ttlMs: 60_000 });
    await storage.set('b', bytes(2), { ttlMs: -1 });
    expect([await storage.get('a'), await storage.get('b')]).toEqual([bytes(1), undefined]);
  });
});

describe('a value', () => {
  it('is copied as soon as set is called, opened or not', async () => {
    const storage = indexedDbStorage();
    const value = bytes(1, 2);
    const setting = storage.set('k', value);
    value.fill(9);
    await setting;
    expect(await storage.get('k')).toEqual(bytes(1, 2));
  });

  it('has its lifetime from the call on', async () => {
    const clock = createVirtualClock();
    const storage = indexedDbStorage({ clock });
    const setting = storage.set('k', bytes(1), { ttlMs: 1_000 });
    clock.freeze(400);
    await setting;
    clock.freeze(600);
    expect(await storage.get('k')).toBeUndefined();
  });

  it('is deleted when it is met after its end, and only then', async () => {
    const clock = createVirtualClock();
    const storage = indexedDbStorage({ clock });
    const raw = async (key: string) => done(rawStore(await openRaw()).get(key));
    await storage.set('k', bytes(1), { ttlMs: 1_000 });
    await storage.set('other', bytes(2), { ttlMs: 1_000 });
    await storage.get('k');
    clock.freeze(1_000);
    expect(await raw('k')).toBeDefined();
    expect(await storage.get('k')).toBeUndefined();
    expect([await raw('k'), (await raw('other')) !== undefined]).toEqual([undefined, true]);
  });

  it('stays where another context put it while its forerunner was being deleted', async () => {
    const clock = createVirtualClock();
    const [one, other] = [indexedDbStorage({ clock }), indexedDbStorage({ clock })];
    await one.set('k', bytes(1), { ttlMs: 10 });
    await other.get('k');
    clock.freeze(10);
    // The other's transaction begins between the reading and the deleting.
    const [met] = await Promise.all([one.get('k'), other.set('k', bytes(2), { ttlMs: 500 })]);
    expect([met, await one.get('k')]).toEqual([undefined, bytes(2)]);
    clock.freeze(500);
    expect(await one.get('k')).toBeUndefined();
  });

  const ROWS: readonly (readonly [string, unknown])[] = [
    ['bytes alone', bytes(1)],
    ['null', null],
    ['text', 'v1'],
    ['a number', 7],
    ['a list', [1, bytes(1)]],
    ['another version', { v: 2, bytes: bytes(1) }],
    ['no version', { bytes: bytes(1) }],
    ['a version as text', { v: '1', bytes: bytes(1) }],
    ['no bytes', { v: 1 }],
    ['bytes as a list', { v: 1, bytes: [1, 2] }],
    ['bytes as text', { v: 1, bytes: 'AQI=' }],
    ['a buffer', { v: 1, bytes: new ArrayBuffer(2) }],
    ['numbers that are no bytes', { v: 1, bytes: Float32Array.of(1) }],
    ['a negative end', { v: 1, bytes: bytes(1), expiresAt: -1 }],
    ['NaN for an end', { v: 1, bytes: bytes(1), expiresAt: Number.NaN }],
    ['an end as text', { v: 1, bytes: bytes(1), expiresAt: '9e99' }],
    ['null for an end', { v: 1, bytes: bytes(1), expiresAt: null }],
    ['a date for an end', { v: 1, bytes: bytes(1), expiresAt: new Date(9e12) }],
  ];

  it.each(ROWS)('is none where something else wrote %s, which stays until it is set', async (_, row) => {
    const storage = indexedDbStorage({ clock: createVirtualClock() });
    await storage.set('k', bytes(1));
    const database = await openRaw();
    await done(rawStore(database).put(row, 'k'));
    expect(await storage.get('k')).toBeUndefined();
    expect(await done(rawStore(database).get('k'))).toStrictEqual(row);
    let seen: unknown = 'not called';
    expect(
      await storage.update('k', (current) => {
        seen = current;
        return bytes(2);
      }),
    ).toEqual(bytes(2));
    expect([seen, await storage.get('k')]).toEqual([undefined, bytes(2)]);
    await done(rawStore(database).put(row, 'k'));
    await storage.set('k', bytes(3));
    expect(await storage.get('k')).toEqual(bytes(3));
  });

  it('never ends with an infinite lifetime, and is none with one that is no number', async () => {
    const clock = createVirtualClock();
    const storage = indexedDbStorage({ clock });
    await storage.set('a', bytes(1), { ttlMs: Number.POSITIVE_INFINITY });
    await storage.set('b', bytes(1), { ttlMs: Number.NaN });
    await storage.set('c', bytes(1), { ttlMs: undefined });
    clock.freeze(1e12);
    expect(await Promise.all(['a', 'b', 'c'].map(storage.get))).toEqual([bytes(1), undefined, bytes(1)]);
  });
});

describe('a key', () => {
  it.each([
    ['ASCII', 'k'.repeat(512), 'k'.repeat(513), 513],
    ['two bytes each', 'é'.repeat(256), `${'é'.repeat(256)}k`, 513],
    ['four bytes each', '😀'.repeat(128), '😀'.repeat(129), 516],
  ])('has at most 512 bytes of UTF-8: %s', async (_, longest, tooLong, size) => {
    const storage = indexedDbStorage();
    await storage.set(longest, bytes(1));
    expect(await storage.get(longest)).toEqual(bytes(1));
    let isCalled = false;
    const calls = [
      storage.get(tooLong),
      storage.set(tooLong, bytes(1)),
      storage.delete(tooLong),
      storage.update(tooLong, () => {
        isCalled = true;
        return bytes(1);
      }),
    ];
    for (const call of calls) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ message: `"key" must be at most 512 bytes of UTF-8, got ${size}` });
    }
    expect(isCalled).toBe(false);
  });

  it('is looked at before the database', async () => {
    Reflect.deleteProperty(globalThis, 'indexedDB');
    expect(await rejection(indexedDbStorage().get('k'.repeat(600)))).toBeInstanceOf(RangeError);
  });
});

describe('an update', () => {
  it('hands on what the change throws, writes nothing, and does not hold up the next', async () => {
    const storage = indexedDbStorage();
    await storage.set('k', bytes(1));
    const no = { not: 'an error' };
    const failing = storage.update('k', () => {
      throw no;
    });
    const next = storage.update('k', (current) => bytes((current?.[0] ?? 0) + 1));
    expect(await rejection(failing)).toBe(no);
    expect([await next, await storage.get('k')]).toEqual([bytes(2), bytes(2)]);
  });

  it('is over when its transaction is: what it gave is there for everyone', async () => {
    const storage = indexedDbStorage();
    const database = await storage.get('k').then(() => openRaw());
    await storage.update('k', () => bytes(1));
    await storage.set('l', bytes(2));
    await storage.delete('m');
    const { transactions } = (database as unknown as Internals)._rawDatabase;
    expect(transactions.filter(({ _state }) => _state !== 'finished')).toEqual([]);
  });

  it('loses none of 2 × 500 from two contexts', async () => {
    const contexts = [indexedDbStorage(), indexedDbStorage()];
    const increment = (current: Uint8Array | undefined) => {
      const [low = 0, high = 0] = current ?? [];
      const next = low + 256 * high + 1;
      return bytes(next % 256, Math.floor(next / 256));
    };
    const given = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => contexts[i % 2]?.update('count', increment)),
    );
    expect(await contexts[0]?.get('count')).toEqual(bytes(1_000 % 256, 3));
    expect(new Set(given.map(String)).size).toBe(1_000);
  });
});

describe('against a map', () => {
  const key = fc.constantFrom('a', 'b', '');
  const value = fc.uint8Array({ maxLength: 3 });
  const ttlMs = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });
  const act = fc.oneof(
    fc.record({ do: fc.constant('get' as const), key }),
    fc.record({ do: fc.constant('set' as const), key, value, ttlMs }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({
      do: fc.constant('update' as const),
      key,
      value: fc.option(value, { nil: undefined }),
      ttlMs,
    }),
    fc.record({ do: fc.constant('throw' as const), key }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ do: fc.constant('reopen' as const) }),
  );

  it('does the same, whatever is asked of it, in two contexts', async () => {
    const run = async (acts: readonly (typeof act extends fc.Arbitrary<infer T> ? T : never)[]) => {
      globalThis.indexedDB = new IDBFactory();
      const clock = createVirtualClock();
      const contexts = [indexedDbStorage({ clock }), indexedDbStorage({ clock })];
      const model = new Map<string, { readonly value: Uint8Array; readonly until: number }>();
      const held = (at: string): Uint8Array | undefined => {
        const entry = model.get(at);
        return entry !== undefined && clock.now() < entry.until ? entry.value : undefined;
      };
      const keep = (at: string, next: Uint8Array | undefined, lifetime = Number.POSITIVE_INFINITY) => {
        if (next === undefined) model.delete(at);
        else model.set(at, { value: next, until: clock.now() + lifetime });
      };
      for (const [turn, one] of acts.entries()) {
        const storage = contexts[turn % 2] ?? indexedDbStorage({ clock });
        if (one.do === 'advance') clock.freeze(one.ms);
        if (one.do === 'reopen') contexts[turn % 2] = indexedDbStorage({ clock });
        if (one.do === 'get') expect(await storage.get(one.key)).toEqual(held(one.key));
        if (one.do === 'delete') {
          await storage.delete(one.key);
          model.delete(one.key);
        }
        if (one.do === 'set') {
          await storage.set(one.key, one.value, { ttlMs: one.ttlMs });
          keep(one.key, one.value, one.ttlMs);
        }
        if (one.do === 'update') {
          const next = (current: Uint8Array | undefined) =>
            one.value && Uint8Array.from([...(current ?? []), ...one.value]).slice(-4);
          const expected = next(held(one.key));
          expect(await storage.update(one.key, next, { ttlMs: one.ttlMs })).toEqual(expected);
          keep(one.key, expected, one.ttlMs);
        }
        if (one.do === 'throw') {
          const failing = storage.update(one.key, (current) => {
            expect(current).toEqual(held(one.key));
            throw 'no';
          });
          expect(await rejection(failing)).toBe('no');
        }
      }
      for (const at of ['a', 'b', '']) expect(await contexts[0]?.get(at)).toEqual(held(at));
    };
    await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 30 }), run), { numRuns: 100 });
  });
});

describe('a database that is taken away', () => {
  it.each([
    ['undefined', TypeError],
    ['null', TypeError],
    ['nothing', ReferenceError],
  ])('rejects where there is none (%s), and tries again', async (kind, type) => {
    const storage = indexedDbStorage();
    if (kind === 'nothing') Reflect.deleteProperty(globalThis, 'indexedDB');
    else Object.assign(globalThis, { indexedDB: kind === 'null' ? null : undefined });
    for (const call of [storage.get('k'), storage.set('k', bytes(1)), storage.update('k', () => bytes(1))]) {
      expect(await rejection(call)).toBeInstanceOf(type);
    }
    globalThis.indexedDB = factory;
    await storage.set('k', bytes(1));
    expect(await storage.get('k')).toEqual(bytes(1));
  });

  it('says so where it is forbidden, at the global or at its opening', async () => {
    const storage = indexedDbStorage();
    const denied = new DOMException('denied', 'SecurityError');
    const deny = (): never => {
      throw denied;
    };
    Object.assign(globalThis, { indexedDB: { open: deny } });
    expect(await rejection(storage.get('k'))).toBe(denied);
    Object.defineProperty(globalThis, 'indexedDB', { get: deny, configurable: true });
    expect(await rejection(storage.get('k'))).toBe(denied);
    Reflect.deleteProperty(globalThis, 'indexedDB');
    globalThis.indexedDB = factory;
    expect(await storage.get('k')).toBeUndefined();
  });

  it('makes way for who deletes it, and opens a new one', async () => {
    const storage = indexedDbStorage();
    await storage.set('k', bytes(1));
    await done(factory.deleteDatabase('isotinker'));
    expect(await storage.get('k')).toBeUndefined();
    await storage.set('k', bytes(2));
    expect(await storage.get('k')).toEqual(bytes(2));
  });

  it('is opened again once, for all who find it closed', async () => {
    const storage = indexedDbStorage();
    await storage.set('k', bytes(1));
    await done(factory.deleteDatabase('isotinker'));
    let opened = 0;
    globalThis.indexedDB = {
      open(name: string) {
        opened += 1;
        return factory.open(name);
      },
    } as IDBFactory;
    await Promise.all([storage.get('k'), storage.set('k', bytes(2)), storage.get('k')]);
    expect([await storage.get('k'), opened]).toEqual([bytes(2), 1]);
  });

  it('makes way for who upgrades it, and goes on with what is there then', async () => {
    const storage = indexedDbStorage();
    await storage.set('k', bytes(1));
    const newer = await openRaw('isotinker', 2);
    expect(newer.version).toBe(2);
    expect(await storage.get('k')).toEqual(bytes(1));
  });

  it('finishes what is under way before it makes way', async () => {
    const storage = indexedDbStorage();
    await storage.get('k');
    const updating = storage.update('k', () => bytes(1));
    const deleted = done(factory.deleteDatabase('isotinker'));
    expect(await updating).toEqual(bytes(1));
    await deleted;
    expect(await storage.get('k')).toBeUndefined();
  });

  it('waits for a deletion that another page blocks', async () => {
    const storage = indexedDbStorage();
    await storage.set('k', bytes(1));
    const blocker = await openRaw();
    const deleted = done(factory.deleteDatabase('isotinker'));
    await realTurns(10);
    let isSettled = false;
    const reading = storage.get('k').finally(() => {
      isSettled = true;
    });
    await realTurns(50);
    expect(isSettled).toBe(false);
    blocker.close();
    await deleted;
    expect(await reading).toBeUndefined();
    await storage.set('k', bytes(2));
    expect(await storage.get('k')).toEqual(bytes(2));
  });

  it.each([1, 2, 3])('fails no call of two pages amid deletions and upgrades (%i)', async (seed) => {
    const random = seededRandom(seed);
    const pages = [indexedDbStorage(), indexedDbStorage()];
    const upgrade = async (): Promise<void> => {
      const [{ version = 0 } = {}] = await factory.databases();
      const request = factory.open('isotinker', version + 1);
      request.onupgradeneeded = ({ oldVersion }) => {
        if (oldVersion === 0) request.result.createObjectStore('values');
      };
      // Another may have come first, with a later version.
      await done(request).then(
        (database) => database.close(),
        () => {},
      );
    };
    const calls: Promise<unknown>[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const kind = random();
      if (kind < 0.1) calls.push(done(factory.deleteDatabase('isotinker')));
      else if (kind < 0.15) calls.push(upgrade());
      else calls.push(pages[turn % 2]!.update('k', (current) => bytes(((current?.[0] ?? 0) + 1) % 256)));
      if (random() < 0.3) await realTurns(Math.ceil(random() * 3));
    }
    await Promise.all(calls);
    await pages[0]?.set('k', bytes(7));
    expect(await pages[1]?.get('k')).toEqual(bytes(7));
  });

  it('rejects where the database of that name is another’s, and does not hold on to it', async () => {
    const request = factory.open('theirs');
    request.onupgradeneeded = () => request.result.createObjectStore('keyval');
    (await done(request)).close();
    const storage = indexedDbStorage({ name: 'theirs' });
    for (let call = 0; call < 3; call++)
      expect(await rejection(storage.get('k'))).toMatchObject({ name: 'NotFoundError' });
    expect(await rejection(storage.update('k', () => bytes(1)))).toMatchObject({ name: 'NotFoundError' });
    const database = await openRaw('theirs');
    expect((database as unknown as Internals)._rawDatabase.connections).toEqual([database]);
    database.close();
    await done(factory.deleteDatabase('theirs'));
    await storage.set('k', bytes(1));
    expect(await storage.get('k')).toEqual(bytes(1));
  });
});
