import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { createSharedStore, type SharedStore } from '../../../src/testing/two-contexts.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { ABSENT, type KeptFile } from '../../../src/tokenizer/cache/cache-entry.ts';
import { INDEX_KEY } from '../../../src/tokenizer/cache/cache-index.ts';
import { createFileCache } from '../../../src/tokenizer/cache/file-cache.ts';

// Packing takes real time, for which the virtual clock does not wait; cache-entry.test.ts has it.
const { CompressionStream: platformStream } = globalThis;
beforeEach(() => {
  Object.assign(globalThis, { CompressionStream: undefined });
});
afterEach(() => {
  globalThis.CompressionStream = platformStream;
});

const HOUR = 3_600_000;
const file = (text: string): KeptFile => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, etag: undefined, sha256: createHash('sha256').update(bytes).digest('hex') };
};
/** Text that does not become shorter. */
const noise = (seed: number, length: number): string =>
  Array.from({ length }, (_, i) => createHash('sha256').update(`${seed}:${i}`).digest('base64')[0]).join('');

function setUp(
  more: { readonly storage?: Storage; readonly maxCacheBytes?: number; readonly hubUrl?: string } = {},
) {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const storage = more.storage ?? memoryStorage(clock);
  const cacheOf = (id: string, revision = 'main', hubUrl = more.hubUrl ?? 'https://huggingface.co') =>
    createFileCache(
      {
        storage,
        maxCacheBytes: more.maxCacheBytes ?? 1e6,
        clock,
        emit: (event) => events.push(event),
        hubUrl,
      },
      { id, revision },
    );
  const rows = async (): Promise<string[]> => {
    const value = await storage.get(INDEX_KEY);
    const { rows } = JSON.parse(new TextDecoder().decode(value ?? new TextEncoder().encode('{"rows":[]}')));
    return rows.map(({ key }: { key: string }) => key);
  };
  return { clock, events, storage, cacheOf, rows };
}

describe('files that are kept', () => {
  it('come back, under keys that say what they are', async () => {
    const { clock, cacheOf, storage, events } = setUp();
    const files = new Map([
      ['a.json', file('A')],
      ['b.json', ABSENT],
    ]);
    await clock.drive(cacheOf('o/n').write(files));
    expect(await clock.drive(cacheOf('o/n').read(['a.json', 'b.json', 'c.json']))).toEqual(files);
    expect(await storage.get('isotinker:v1:tokenizer:o/n:main:a.json')).toBeDefined();
    expect((await clock.drive(cacheOf('o/n', 'other').read(['a.json']))).size).toBe(0);
    await clock.drive(cacheOf('o/n', 'main', 'http://mirror.example').write(files));
    // What came over http may be anything.
    for (const hub of ['https://mirror.example', 'http://huggingface.co'])
      expect((await clock.drive(cacheOf('o/n', 'main', hub).read(['a.json']))).size).toBe(0);
    expect([events, clock.pending]).toEqual([[], 0]);
  });

  it('have short keys, however long their names are', async () => {
    const keys: string[] = [];
    const inner = memoryStorage();
    const { clock, cacheOf } = setUp({
      storage: {
        ...inner,
        set: async (key, value) => {
          keys.push(key);
          await inner.set(key, value);
        },
      },
    });
    for (const revision of ['r'.repeat(600), `${'r'.repeat(599)}s`]) {
      await clock.drive(cacheOf('o/n', revision).write(new Map([['a', file(revision.slice(-1))]])));
    }
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(new TextEncoder().encode(key).length).toBeLessThanOrEqual(512);
    const [kept] = (await clock.drive(cacheOf('o/n', 'r'.repeat(600)).read(['a']))).values();
    expect(kept).toEqual(file('r'));
  });

  it('are not there any more where they are damaged, and that is told', async () => {
    const { clock, cacheOf, storage, events } = setUp();
    await clock.drive(cacheOf('o/n').write(new Map([['a', file('content')]])));
    const key = 'isotinker:v1:tokenizer:o/n:main:a';
    const value = await storage.get(key);
    await storage.set(key, (value as Uint8Array).slice(0, -3));
    expect((await clock.drive(cacheOf('o/n').read(['a']))).size).toBe(0);
    expect(events).toEqual([
      {
        type: 'storage_trouble',
        operation: 'parse',
        key,
        message: expect.stringMatching(/^it is damaged: \d+ of \d+ bytes are left$/),
      },
    ]);
  });

  it('are not kept without a storage, nor with no room', async () => {
    const { clock, cacheOf, storage } = setUp({ maxCacheBytes: 0 });
    await clock.drive(cacheOf('o/n').write(new Map([['a', file('A')]])));
    expect(await storage.get(INDEX_KEY)).toBeUndefined();
  });
});

describe.each([true, false])('room for files, where updates are atomic: %s', (isAtomic) => {
  const storageFor = (): Storage => {
    const { update, ...plain } = memoryStorage();
    return isAtomic ? { ...plain, update } : plain;
  };
  const three = async (maxCacheBytes: number) => {
    const base = setUp({ storage: storageFor(), maxCacheBytes });
    for (const id of ['one', 'two', 'three']) {
      await base.clock.drive(base.cacheOf(id).write(new Map([['f', file(noise(id.length * 7, 1_000))]])));
      await base.clock.advance(HOUR);
    }
    return base;
  };
  const left = async ({ clock, cacheOf }: Awaited<ReturnType<typeof three>>) => {
    const found: string[] = [];
    for (const id of ['one', 'two', 'three', 'four']) {
      if ((await clock.drive(cacheOf(id).read(['f']))).size > 0) found.push(id);
    }
    return found;
  };

  it('is enough', async () => {
    expect(await left(await three(5_000))).toEqual(['one', 'two', 'three']);
  });

  it('is made by what was unused for longest', async () => {
    const base = await three(4_000);
    // Used again, the oldest is the newest.
    await base.clock.drive(base.cacheOf('one').read(['f']));
    await base.clock.drive(base.cacheOf('four').write(new Map([['f', file(noise(4, 1_000))]])));
    expect(await left(base)).toEqual(['one', 'three', 'four']);
    expect(await base.rows()).toHaveLength(3);
  });

  it('is not made for what would not fit at all', async () => {
    const base = await three(5_000);
    await base.clock.drive(base.cacheOf('four').write(new Map([['f', file(noise(4, 9_000))]])));
    expect(await left(base)).toEqual(['one', 'two', 'three']);
  });

  it('is never made by what is being kept, though all are of the same moment', async () => {
    const base = setUp({ storage: storageFor(), maxCacheBytes: 2_800 });
    for (const [turn, id] of ['one', 'two', 'one'].entries()) {
      await base.clock.drive(base.cacheOf(id).write(new Map([['f', file(noise(turn, 1_000 + 200 * turn))]])));
    }
    expect(await base.rows()).toEqual(['isotinker:v1:tokenizer:one:main:f']);
    expect(await left(base)).toEqual(['one']);
  });

  it('is made even by what is in use, where it has become less', async () => {
    const base = await three(5_000);
    const { clock, storage } = base;
    await clock.drive(base.cacheOf('three').read(['f']));
    const hubUrl = 'https://huggingface.co';
    const smaller = createFileCache(
      { storage, maxCacheBytes: 1_000, clock, emit: () => {}, hubUrl },
      { id: 'three', revision: 'main' },
    );
    expect((await clock.drive(smaller.read(['f']))).size).toBe(1);
    expect(await base.rows()).toEqual([]);
    expect(await left(base)).toEqual([]);
  });

  it('is not counted twice for one file', async () => {
    const base = await three(5_000);
    for (const seed of [1, 2, 3, 4]) {
      await base.clock.drive(base.cacheOf('one').write(new Map([['f', file(noise(seed, 1_000))]])));
    }
    expect(await left(base)).toEqual(['one', 'two', 'three']);
  });

  it.each([
    '',
    'junk',
    '{"version":2,"rows":[{"key":"k","size":1,"usedAt":1}]}',
    '{"version":1,"rows":[null]}',
    'null',
  ])('is counted anew when the row is %j', async (row) => {
    const base = await three(5_000);
    await base.storage.set(INDEX_KEY, new TextEncoder().encode(row));
    // Each comes back with its next use.
    expect(await left(base)).toEqual(['one', 'two', 'three']);
    expect(await base.rows()).toEqual(
      ['one', 'two', 'three'].map((id) => `isotinker:v1:tokenizer:${id}:main:f`),
    );
  });

  it('is written down no more than once an hour', async () => {
    const { clock, storage, cacheOf } = await three(5_000);
    await clock.drive(cacheOf('one').read(['f']));
    const before = await storage.get(INDEX_KEY);
    await clock.advance(HOUR / 2);
    await clock.drive(cacheOf('one').read(['f']));
    expect(await storage.get(INDEX_KEY)).toEqual(before);
    await clock.advance(HOUR);
    await clock.drive(cacheOf('one').read(['f']));
    expect(await storage.get(INDEX_KEY)).not.toEqual(before);
  });
});

describe('trouble with the store', () => {
  const FAULTS = ['throw', 'reject', 'hang', 'absent'] as const;
  const OPERATIONS = ['get', 'set', 'update', 'delete'] as const;
  const every = OPERATIONS.flatMap((operation) => FAULTS.map((fault) => [operation, fault] as const));

  it.each(every)('in %s (%s) is a miss, and one event', async (operation, fault) => {
    const clock = createVirtualClock();
    const store: SharedStore = createSharedStore({ clock, consistency: 'strict' });
    const events: TinkerEvent[] = [];
    const options = {
      storage: store.open(),
      maxCacheBytes: 2_500,
      clock,
      emit: (event: TinkerEvent) => void events.push(event),
      hubUrl: 'https://huggingface.co',
    };
    const cacheOf = (id: string) => createFileCache(options, { id, revision: 'main' });
    for (const id of ['one', 'two']) {
      await clock.drive(cacheOf(id).write(new Map([['f', file(noise(id.length, 1_000))]])));
      await clock.advance(2 * HOUR);
    }
    store.fail(operation, fault);
    const cache = cacheOf('three');
    await clock.drive(cache.read(['f', 'g']));
    // One has to go for it.
    await clock.drive(cache.write(new Map([['f', file(noise(9, 1_000))]])));
    expect(events.length).toBeLessThanOrEqual(1);
    if (fault !== 'absent') expect(events).toMatchObject([{ type: 'storage_trouble', operation }]);
    expect(clock.pending).toBe(0);
  });
});
