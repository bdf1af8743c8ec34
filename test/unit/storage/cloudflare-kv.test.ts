import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { TinkerConnectionError } from '../../../src/kernel/errors.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { createCircuit } from '../../../src/policy/circuit.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { type KvStorageOptions, kvStorage } from '../../../src/storage/kv.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { storageCases } from '../../../src/testing/storage-contract.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type CloudflareKvOptions, createCloudflareKv } from '../../support/cloudflare-kv.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const clocks: VirtualClock[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) expect(clock.pending).toBe(0);
});

function setUp(options: Omit<CloudflareKvOptions, 'clock'> & Pick<KvStorageOptions, 'waitUntil'> = {}) {
  const clock = createVirtualClock();
  clocks.push(clock);
  const kv = createCloudflareKv({ clock, ...options });
  const outstanding: Promise<void>[] = [];
  const waitUntil = options.waitUntil ?? ((work: Promise<void>) => void outstanding.push(work));
  const open = () => kvStorage(kv.open(), { clock, waitUntil, random: () => 0 });
  return { clock, kv, outstanding, open, storage: open() };
}

const of = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

describe('the contract', () => {
  it.each(storageCases({ update: false }))('$name', async ({ run }) => {
    const { clock, kv, storage } = setUp();
    await run(storage, clock);
    await clock.advance(2_000);
    expect(kv.writes.filter(({ isRefused }) => isRefused)).toEqual([]);
  });

  it.each(storageCases({ update: false }))('once KV alone has the values: $name', async ({ run }) => {
    const { clock, kv, open } = setUp();
    const storage = open();
    // Every write is followed by its second, so that nothing is left that only this isolate knows of.
    await run(
      {
        get: (key) => storage.get(key),
        set: async (key, value, options) => {
          const copy = value.slice();
          await clock.advance(options === undefined ? 1_000 : 0);
          await storage.set(key, copy, options);
        },
        async delete(key) {
          await clock.advance(1_000);
          await storage.delete(key);
        },
      },
      clock,
    );
    expect(kv.writes.filter(({ isRefused }) => isRefused)).toEqual([]);
  });

  it('has no update: it could not keep its word', () => {
    expect('update' in setUp().storage).toBe(false);
  });
});

describe('writes of one key', () => {
  it('go out at once, and then the last of each second', async () => {
    const { clock, kv, storage } = setUp();
    for (let value = 0; value < 25; value++) {
      await storage.set('a', of(value));
      expect(await storage.get('a')).toEqual(of(value));
      await clock.advance(100);
    }
    await clock.advance(2_000);
    expect(kv.writes.map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(await storage.get('a')).toEqual(of(24));
  });

  it('do not make a request wait: only the first waits, for its own answer', async () => {
    const { clock, kv, storage } = setUp({ latencyMs: 300 });
    const first = storage.set('a', of(1));
    // Under way, so this one waits in the background.
    await storage.set('a', of(2));
    await storage.set('a', of(3));
    expect(clock.monotonic()).toBe(0);
    await clock.drive(first);
    expect(clock.monotonic()).toBe(300);
    await clock.advance(10_000);
    expect(kv.writes.map(({ at }) => at)).toEqual([150, 1_450]);
    expect(await clock.drive(storage.get('a'))).toEqual(of(3));
  });

  it('of others go out beside it', async () => {
    const { clock, kv, storage } = setUp();
    for (const key of ['a', 'b', 'c', 'a']) await storage.set(key, of(1));
    expect(kv.writes.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    await clock.advance(1_000);
    expect(kv.writes.map(({ key }) => key)).toEqual(['a', 'b', 'c', 'a']);
  });

  it('and its deletions keep their order', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    await storage.delete('a');
    expect(await storage.get('a')).toBeUndefined();
    await clock.advance(1_000);
    await storage.set('a', of(3));
    expect(await storage.get('a')).toEqual(of(3));
    await clock.advance(1_000);
    expect(kv.writes.map(({ kind, at }) => [kind, at])).toEqual([
      ['put', 0],
      ['delete', 1_000],
      ['put', 2_000],
    ]);
    expect(await storage.get('a')).toEqual(of(3));
  });

  it('are a second apart where KV counts, however long they were under way', async () => {
    const { clock, kv, storage } = setUp({ latencyMs: 700 });
    for (let value = 0; value < 60; value++) {
      void storage.set('a', of(value));
      await clock.advance(130);
    }
    await clock.advance(10_000);
    expect(kv.writes.filter(({ isRefused }) => isRefused)).toEqual([]);
    expect(kv.writes.length).toBeGreaterThan(4);
    expect(await clock.drive(storage.get('a'))).toEqual(of(59));
  });

  it('need no timer where none waits, and leave nothing behind', async () => {
    const { clock, storage } = setUp();
    await storage.set('a', of(1));
    expect(clock.pending).toBe(0);
    await storage.set('a', of(2));
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });
});

describe('what this isolate wrote', () => {
  it('is read by it before KV has it, and is its own copy', async () => {
    const { clock, storage } = setUp({ latencyMs: 100 });
    const value = of(1, 2);
    const written = storage.set('a', value);
    value.fill(9);
    const read = await storage.get('a');
    expect(read).toEqual(of(1, 2));
    read?.fill(8);
    expect(await storage.get('a')).toEqual(of(1, 2));
    await clock.drive(written);
    expect(await clock.drive(storage.get('a'))).toEqual(of(1, 2));
  });

  it('ends with its lifetime, written or not', async () => {
    const { clock, storage } = setUp();
    await storage.set('a', of(1));
    await storage.set('a', of(2), { ttlMs: 500 });
    await clock.advance(499);
    expect(await storage.get('a')).toEqual(of(2));
    await clock.advance(1);
    expect(await storage.get('a')).toBeUndefined();
    await clock.advance(1_000);
    expect(await storage.get('a')).toBeUndefined();
  });

  it('reaches others when KV shows it, and not before', async () => {
    const { clock, storage, open } = setUp({ stalenessMs: 60_000 });
    const other = open();
    await storage.set('a', of(1));
    expect(await storage.get('a')).toEqual(of(1));
    expect(await other.get('a')).toBeUndefined();
    await clock.advance(60_000);
    expect(await other.get('a')).toEqual(of(1));
  });
});

describe('lifetimes', () => {
  it.each([
    [1, 60],
    [59_001, 60],
    [60_001, 61],
    [3_600_000, 3_600],
    [Number.MAX_SAFE_INTEGER, 2 ** 31 - 1],
  ])('of %i ms are %i s for KV', async (ttlMs, seconds) => {
    const { kv, storage } = setUp();
    await storage.set('a', of(1), { ttlMs });
    expect(kv.writes[0]?.options?.expirationTtl).toBe(seconds);
  });

  it('are exact for other isolates too', async () => {
    const { clock, storage, open } = setUp();
    const other = open();
    await storage.set('a', of(1), { ttlMs: 1_500 });
    await clock.advance(1_499);
    expect(await other.get('a')).toEqual(of(1));
    await clock.advance(1);
    expect(await other.get('a')).toBeUndefined();
  });

  it('count from the call, not from when it goes out', async () => {
    const { clock, kv, storage, open } = setUp();
    const other = open();
    await storage.set('a', of(1));
    await storage.set('a', of(2), { ttlMs: 70_000 });
    await clock.advance(1_000);
    expect(kv.writes[1]?.options).toEqual({
      expirationTtl: 69,
      metadata: { expiresAt: 1_700_000_070_000 },
    });
    await clock.advance(68_999);
    expect(await other.get('a')).toEqual(of(2));
    await clock.advance(1);
    expect(await other.get('a')).toBeUndefined();
  });

  it('have no end where none is given, nor where it is infinite, nor where another tool wrote the value', async () => {
    const { clock, kv, storage, open } = setUp();
    await storage.set('a', of(1));
    await storage.set('b', of(2), { ttlMs: Number.POSITIVE_INFINITY });
    await kv.open().put('c', of(3), { metadata: { expiresAt: 'never' } });
    await kv.open().put('d', of(4));
    await clock.advance(1e12);
    const other = open();
    const values = await Promise.all(['a', 'b', 'c', 'd'].map((key) => other.get(key)));
    expect(values).toEqual([of(1), of(2), of(3), of(4)]);
    expect(kv.writes.map(({ options }) => options?.expirationTtl)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('waitUntil', () => {
  it('is given what is outstanding with each write, until KV has it', async () => {
    const { clock, kv, outstanding, storage } = setUp();
    for (const value of [1, 2, 3]) await storage.set('a', of(value));
    expect(outstanding).toHaveLength(3);
    let isOver = false;
    void Promise.all(outstanding).then(() => {
      isOver = true;
    });
    await clock.advance(999);
    expect([isOver, kv.writes.length]).toEqual([false, 1]);
    await clock.advance(1);
    expect([isOver, kv.writes.length]).toEqual([true, 2]);
  });

  it('does not hold a Worker longer than a write that nothing follows', async () => {
    const { clock, outstanding, storage } = setUp({ latencyMs: 50 });
    await clock.drive(storage.set('a', of(1)));
    await Promise.all(outstanding);
    expect(clock.monotonic()).toBe(50);
  });

  it('is called as the function it is', async () => {
    const waitUntil = function (this: unknown, work: Promise<void>): void {
      expect(this).toBeUndefined();
      void work;
    };
    const { storage } = setUp({ waitUntil });
    await storage.set('a', of(1));
  });

  it('rejects with what fails in the background, and nobody has to hear it', async () => {
    const { clock, kv, outstanding, storage } = setUp();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    kv.fail(new Error('500 Internal'));
    await clock.advance(1_000);
    expect(await rejection(outstanding[1]!)).toMatchObject({
      message: 'A write of "a" failed in the background: 500 Internal',
      cause: { message: '500 Internal' },
    });
    await rejection(storage.get('a'));
  });
});

describe('failures', () => {
  it('of a write that goes out at once are its caller’s, and nothing of it stays', async () => {
    const { kv, clock, storage } = setUp();
    const no = new Error('KV PUT failed: 500 Internal');
    kv.fail(no);
    expect(await rejection(storage.set('a', of(1)))).toBe(no);
    kv.fail(undefined);
    expect(await storage.get('a')).toBeUndefined();
    await clock.advance(5_000);
    expect(kv.writes).toHaveLength(1);
  });

  it.each([
    ['get', (storage: ReturnType<typeof kvStorage>) => storage.get('other')],
    ['set', (storage: ReturnType<typeof kvStorage>) => storage.set('other', of(1))],
    ['delete', (storage: ReturnType<typeof kvStorage>) => storage.delete('other')],
  ])('in the background are heard by the next call, here %s, and by none after it', async (_, call) => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    kv.fail(new Error('500 Internal'));
    await clock.advance(1_000);
    kv.fail(undefined);
    expect(await rejection(call(storage))).toMatchObject({
      message: 'A write of "a" failed in the background: 500 Internal',
    });
    expect(kv.writes).toHaveLength(2);
    // What KV has is what is read.
    expect(await storage.get('a')).toEqual(of(1));
    await call(storage);
  });

  it('of a write that another has replaced meanwhile do not take that one along', async () => {
    const { clock, kv, storage } = setUp({ latencyMs: 100 });
    const first = rejection(storage.set('a', of(1)));
    kv.fail(new Error('500 Internal'));
    await storage.set('a', of(2));
    await clock.advance(60);
    kv.fail(undefined);
    expect(await clock.drive(first)).toMatchObject({ message: '500 Internal' });
    expect(await storage.get('a')).toEqual(of(2));
    await clock.advance(5_000);
    expect(await clock.drive(storage.get('a'))).toEqual(of(2));
  });

  it('in the background do not end the writing of what came after', async () => {
    const { clock, kv, storage, outstanding } = setUp({ latencyMs: 100 });
    await clock.drive(storage.set('a', of(1)));
    await storage.set('a', of(2));
    kv.fail(new Error('500 Internal'));
    await clock.advance(1_060);
    await storage.set('a', of(3));
    kv.fail(undefined);
    await clock.advance(5_000);
    expect(await rejection(outstanding[1]!)).toMatchObject({ cause: { message: '500 Internal' } });
    expect(await driveToRejection(clock, storage.get('a'))).toMatchObject({
      cause: { message: '500 Internal' },
    });
    expect(await clock.drive(storage.get('a'))).toEqual(of(3));
  });

  it('that are no errors are told as they are', async () => {
    const { clock, kv, storage } = setUp();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    kv.fail('quota' as never);
    await clock.advance(1_000);
    expect(await rejection(storage.get('a'))).toMatchObject({
      message: 'A write of "a" failed in the background: quota',
      cause: 'quota',
    });
  });

  it('reach the one who watches a client, as trouble of its store', async () => {
    const { clock, kv, storage } = setUp();
    const events: TinkerEvent[] = [];
    const guard = guarded(storage, { clock, emit: (event) => events.push(event) });
    await guard.set('a', of(1));
    await guard.set('a', of(2));
    kv.fail(new Error('500 Internal'));
    await clock.advance(1_000);
    expect(events).toEqual([]);
    expect(await guard.get('b')).toBeUndefined();
    expect(events).toMatchObject([
      {
        type: 'storage_trouble',
        operation: 'get',
        message: 'A write of "a" failed in the background: 500 Internal',
      },
    ]);
  });
});

describe('a write that another isolate was just before', () => {
  it('is no failure: it goes out when the second is over', async () => {
    const { clock, kv, storage, open } = setUp();
    const other = open();
    await storage.set('a', of(1));
    await other.set('a', of(2));
    expect(await other.get('a')).toEqual(of(2));
    expect(await storage.get('a')).toEqual(of(1));
    await clock.advance(1_000);
    expect(kv.writes.map(({ isolate, isRefused }) => [isolate, isRefused])).toEqual([
      [1, false],
      [2, true],
      [2, false],
    ]);
    expect(await storage.get('a')).toEqual(of(2));
  });

  it('is heard at last, where the others never stop', async () => {
    const { clock, kv, storage } = setUp();
    kv.fail(new Error('KV PUT failed: 429 Too Many Requests'));
    await storage.set('a', of(1));
    await clock.advance(14_999);
    expect(kv.writes.map(({ at }) => at)).toEqual([0, 1_000, 3_000, 7_000]);
    await clock.advance(1);
    expect(kv.writes).toHaveLength(5);
    expect(await rejection(storage.get('a'))).toMatchObject({
      message: 'A write of "a" failed in the background: KV PUT failed: 429 Too Many Requests',
    });
    await clock.advance(100_000);
    expect(kv.writes).toHaveLength(5);
  });

  it('has all its attempts again after one that was taken', async () => {
    const { clock, kv, storage } = setUp();
    const tooMany = new Error('KV PUT failed: 429 Too Many Requests');
    for (const round of [1, 2]) {
      kv.fail(tooMany);
      await storage.set('a', of(round));
      await clock.advance(7_000);
      kv.fail(undefined);
      await clock.advance(8_000);
      expect(await storage.get('a')).toEqual(of(round));
      await clock.advance(60_000);
    }
  });

  it('is spread by chance: of six that were refused together all get through', async () => {
    const { clock, kv } = setUp();
    let drawn = 0;
    const random = (): number => (drawn++ * 0.37) % 1;
    const isolates = Array.from({ length: 6 }, () => kvStorage(kv.open(), { clock, random }));
    await Promise.all(isolates.map((storage, index) => storage.set('a', of(index))));
    await clock.advance(60_000);
    const told = await Promise.all(
      isolates.map((storage) =>
        storage.get('a').then(
          () => 'ok',
          () => 'told',
        ),
      ),
    );
    expect(told).toEqual(Array.from({ length: 6 }, () => 'ok'));
    expect(kv.writes.filter(({ isRefused }) => !isRefused)).toHaveLength(6);
  });
});

describe('a request that ends takes its timers and promises along', () => {
  /** A clock whose timers are lost at will, as those of a request that is over. */
  function withRequests({ latencyMs = 0, waitUntil }: Parameters<typeof setUp>[0] = {}) {
    const { clock, kv } = setUp({ latencyMs });
    const timers = new Set<() => void>();
    const request = {
      now: clock.now,
      monotonic: clock.monotonic,
      schedule(callback: () => void, ms: number) {
        const cancel = clock.schedule(() => {
          timers.delete(cancel);
          callback();
        }, ms);
        timers.add(cancel);
        return cancel;
      },
    };
    const end = (): void => {
      for (const cancel of timers) cancel();
      timers.clear();
    };
    return { clock, kv, end, storage: kvStorage(kv.open(), { clock: request, random: () => 0, waitUntil }) };
  }

  it.each([
    ['get', (storage: ReturnType<typeof kvStorage>) => storage.get('other')],
    ['set', (storage: ReturnType<typeof kvStorage>) => storage.set('other', of(1))],
    ['delete', (storage: ReturnType<typeof kvStorage>) => storage.delete('other')],
  ])('but the next call, here %s, writes what waited', async (_, call) => {
    const { clock, kv, end, storage } = withRequests();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    end();
    await clock.advance(10_000);
    expect(kv.writes).toHaveLength(1);
    await call(storage);
    expect(await storage.get('a')).toEqual(of(2));
    await clock.advance(0);
    expect(kv.writes.filter(({ key }) => key === 'a')).toHaveLength(2);
    expect(await storage.get('a')).toEqual(of(2));
  });

  it('which waits for that only where there is no waitUntil', async () => {
    for (const waitUntil of [undefined, () => {}]) {
      const { clock, kv, end, storage } = withRequests({ latencyMs: 100, waitUntil });
      await clock.drive(storage.set('a', of(1)));
      await storage.set('a', of(2));
      end();
      await clock.advance(5_000);
      const start = clock.monotonic();
      // It is read from this isolate, which takes no time; the write behind it does.
      expect(await clock.drive(storage.get('a'))).toEqual(of(2));
      expect(clock.monotonic() - start).toBe(waitUntil === undefined ? 100 : 0);
      await clock.advance(5_000);
      expect(kv.writes.filter(({ key }) => key === 'a')).toHaveLength(2);
      await clock.advance(5_000);
    }
  });

  it.each([
    ['set', (storage: ReturnType<typeof kvStorage>) => storage.set('c', of(2))],
    ['delete', (storage: ReturnType<typeof kvStorage>) => storage.delete('c')],
  ])('which is waited for by %s too, though it has nothing to wait for itself', async (_, call) => {
    const { clock, kv, end, storage } = withRequests({ latencyMs: 100 });
    await clock.drive(storage.set('a', of(1)));
    await storage.set('a', of(2));
    await clock.advance(500);
    await clock.drive(storage.set('c', of(1)));
    end();
    await clock.advance(600);
    await clock.drive(call(storage));
    expect(clock.monotonic()).toBe(1_400);
    expect(kv.writes.map(({ key }) => key)).toEqual(['a', 'c', 'a']);
    await clock.advance(1_000);
    expect(kv.writes.map(({ key }) => key)).toEqual(['a', 'c', 'a', 'c']);
  });

  it('where there is no waitUntil, what waited is there when the next call is over, and told of if it fails', async () => {
    const { clock, kv, end, storage } = withRequests({ latencyMs: 100 });
    await clock.drive(storage.set('a', of(1)));
    await storage.set('a', of(2));
    end();
    await clock.advance(5_000);
    // A request that reads, and ends.
    await clock.drive(storage.get('b'));
    end();
    expect(kv.writes.filter(({ key }) => key === 'a')).toHaveLength(2);
    await clock.advance(5_000);
    await clock.drive(storage.set('a', of(3)));
    await storage.set('a', of(4));
    end();
    await clock.advance(5_000);
    kv.fail(new Error('500 Internal'));
    await clock.drive(storage.delete('b').catch(() => {}));
    kv.fail(undefined);
    expect(await driveToRejection(clock, storage.get('b'))).toMatchObject({
      message: 'A write of "a" failed in the background: 500 Internal',
    });
    expect(await clock.drive(storage.get('a'))).toEqual(of(3));
  });

  it('and the next write of the key takes its place at once', async () => {
    const { clock, kv, end, storage } = withRequests();
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    end();
    await clock.advance(10_000);
    await storage.set('a', of(3));
    await clock.advance(10_000);
    expect(kv.writes.map(({ at }) => at)).toEqual([0, 10_000]);
    expect(await storage.get('a')).toEqual(of(3));
  });

  it('a write nobody answers any more is made again after half a minute, and does not block its key', async () => {
    const { clock, kv, storage } = setUp();
    kv.fail('hang');
    void storage.set('a', of(1));
    await clock.advance(0);
    kv.fail(undefined);
    await clock.advance(29_999);
    expect(await storage.get('a')).toEqual(of(1));
    expect(kv.writes).toHaveLength(1);
    await clock.advance(1);
    await storage.get('other');
    await clock.advance(0);
    expect(kv.writes).toHaveLength(2);
    expect(await storage.get('a')).toEqual(of(1));
    await storage.set('a', of(2));
    await clock.advance(1_000);
    expect(await storage.get('a')).toEqual(of(2));
  });

  it('a write that fails when nobody waits for it any more is not told of: it was made again', async () => {
    const { clock, kv, open } = setUp();
    const namespace = kv.open();
    const hung: ((error: Error) => void)[] = [];
    const storage = kvStorage(
      {
        ...namespace,
        put: (...put) =>
          hung.length === 0 ? new Promise((_, reject) => void hung.push(reject)) : namespace.put(...put),
      },
      { clock },
    );
    const first = storage.set('a', of(1));
    await clock.advance(30_000);
    await storage.get('b');
    hung[0]?.(new Error('gone'));
    await first;
    await clock.advance(1_000);
    expect(await storage.get('a')).toEqual(of(1));
    expect(await open().get('a')).toEqual(of(1));
  });

  it('does not wait for what waitUntil returns', async () => {
    const { clock, kv } = setUp();
    const storage = kvStorage(kv.open(), { clock, waitUntil: (work) => work as never });
    await storage.set('a', of(1));
    await storage.set('a', of(2));
    expect(clock.monotonic()).toBe(0);
    await clock.advance(1_000);
  });

  it('a timer that is late does not hold up what comes after it', async () => {
    const { clock, kv, open, storage } = setUp({ latencyMs: 100 });
    await clock.drive(storage.set('a', of(1)));
    await storage.set('a', of(2));
    clock.freeze(5_000);
    void storage.set('a', of(3));
    await clock.advance(50);
    await storage.set('a', of(4));
    await clock.advance(2_000);
    expect(kv.writes).toHaveLength(3);
    expect(await clock.drive(open().get('a'))).toEqual(of(4));
  });

  it('two that look after one line do not both write it', async () => {
    const { clock, kv, storage } = setUp({ latencyMs: 100 });
    await clock.drive(storage.set('a', of(1)));
    await storage.set('a', of(2));
    // The timer is late, not lost.
    clock.freeze(5_000);
    void storage.get('b');
    void storage.get('b');
    await clock.advance(5_000);
    expect(kv.writes).toHaveLength(2);
    expect(await clock.drive(storage.get('a'))).toEqual(of(2));
  });
});

describe('isolates whose circuits share a namespace', () => {
  const calm = (): AbortSignal => new AbortController().signal;
  const config = { failureThreshold: 2, resetMs: 20_000, halfOpenCalls: 2, leaseMs: 60_000 };
  const down = new TinkerConnectionError('refused');

  function setUpCircuits(count: number, stalenessMs = 0) {
    const { clock, kv } = setUp({ stalenessMs, latencyMs: 20 });
    const events: TinkerEvent[] = [];
    const circuits = Array.from({ length: count }, (_, index) => {
      let ids = 0;
      const storage = kvStorage(kv.open(), { clock, random: seededRandom(index) });
      return createCircuit({
        name: 'host',
        storageKey: 'isotinker:v1:breaker:host',
        clock,
        config,
        emit: (event) => events.push(event),
        createId: () => `${index}.${++ids}`,
        storage: guarded(storage, { clock, emit: (event) => events.push(event) }),
      });
    });
    const trouble = () => events.filter(({ type }) => type === 'storage_trouble');
    return { clock, kv, circuits, trouble };
  }

  const failing = () => Promise.reject(down);

  it('open together without trouble, though KV takes one of their hints a second', async () => {
    const { clock, kv, circuits, trouble } = setUpCircuits(5);
    for (let call = 0; call < 2; call++)
      await clock.drive(Promise.allSettled(circuits.map((circuit) => circuit.run(calm(), failing))));
    await clock.advance(60_000);
    expect(kv.writes.filter(({ isRefused }) => isRefused).length).toBeGreaterThan(3);
    expect(kv.writes.filter(({ isRefused }) => !isRefused)).toHaveLength(5);
    await clock.drive(Promise.allSettled(circuits.map((circuit) => circuit.run(calm(), failing))));
    await clock.advance(60_000);
    expect(trouble()).toEqual([]);
  });

  it('have at most isolates times halfOpenCalls probes under way, stale reads or not', async () => {
    for (const stalenessMs of [0, 5_000, 60_000]) {
      const { clock, circuits, trouble } = setUpCircuits(3, stalenessMs);
      const [first, ...others] = circuits;
      for (let call = 0; call < 2; call++) await driveToRejection(clock, first!.run(calm(), failing));
      await clock.advance(6_000);
      for (const circuit of others) {
        const heard = await driveToRejection(clock, circuit.run(calm(), failing));
        expect(heard).toMatchObject({ code: stalenessMs > 6_000 ? 'connection_failed' : 'circuit_open' });
      }
      await clock.advance(20_000);
      let underWay = 0;
      let most = 0;
      const release: (() => void)[] = [];
      const probe = async (): Promise<void> => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise<void>((resolve) => release.push(resolve));
        underWay -= 1;
        throw down;
      };
      const isolates = stalenessMs > 6_000 ? [first!] : circuits;
      const work = isolates.flatMap((circuit) =>
        Array.from({ length: 5 }, () => rejection(circuit.run(calm(), probe))),
      );
      await clock.advance(100);
      expect(most).toBe(isolates.length * config.halfOpenCalls);
      for (const go of release) go();
      await clock.drive(Promise.all(work));
      await clock.advance(30_000);
      expect(trouble()).toEqual([]);
    }
  });
});

describe('bounds', () => {
  it('refuses keys of more than 512 bytes in UTF-8', async () => {
    const { kv, storage } = setUp();
    const key = `${'é'.repeat(256)}x`;
    for (const work of [storage.get(key), storage.set(key, of(1)), storage.delete(key)]) {
      const error = await rejection(work);
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ message: '"key" must be at most 512 bytes of UTF-8, got 513' });
    }
    expect(kv.writes).toEqual([]);
  });

  it('takes 25 MiB and refuses a byte more', async () => {
    const { kv, storage } = setUp();
    const value = new Uint8Array(26_214_401);
    expect(await rejection(storage.set('a', value))).toMatchObject({
      message: '"value" must be at most 26214400 bytes, got 26214401',
    });
    expect(kv.writes).toEqual([]);
    await storage.set('a', value.subarray(1));
    expect((await storage.get('a'))?.length).toBe(26_214_400);
  });

  it('hands on what KV itself says of a key', async () => {
    const { storage } = setUp();
    expect(await rejection(storage.get('..'))).toMatchObject({ message: 'Key name cannot be "..".' });
  });
});

describe('any sequence of calls', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      key: fc.constantFrom('a', 'b'),
      value: fc.nat(255),
      ttlMs: fc.option(fc.integer({ min: 1, max: 3_000 }), { nil: undefined }),
    }),
    fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom('a', 'b') }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 1_500 }) }),
  );

  it('reads like memory in the isolate that wrote, is never refused, and ends in KV as it does in memory', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 30 }),
        fc.constantFrom(0, 40, 700),
        async (steps, latencyMs) => {
          const { clock, kv, storage, open } = setUp({ latencyMs });
          const model = memoryStorage(clock);
          const same = async (reader: ReturnType<typeof kvStorage>): Promise<void> => {
            for (const key of ['a', 'b']) {
              const [seen, expected] = [await clock.drive(reader.get(key)), await model.get(key)];
              // What ends while a read is under way may be seen or not.
              if (latencyMs === 0) expect(seen).toEqual(expected);
            }
          };
          for (const one of steps) {
            if (one.kind === 'pass') await clock.advance(one.ms);
            else if (one.kind === 'delete') {
              void storage.delete(one.key);
              await model.delete(one.key);
            } else {
              void storage.set(one.key, of(one.value), { ttlMs: one.ttlMs });
              await model.set(one.key, of(one.value), { ttlMs: one.ttlMs });
            }
            await same(storage);
          }
          await clock.advance(10_000);
          await same(storage);
          const other = open();
          for (const key of ['a', 'b'])
            expect(await clock.drive(other.get(key))).toEqual(await model.get(key));
          expect(kv.writes.filter(({ isRefused }) => isRefused)).toEqual([]);
          expect(clock.pending).toBe(0);
          clocks.splice(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
