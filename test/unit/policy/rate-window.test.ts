import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../../src/kernel/bytes.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { createRateWindow, type RateWindow } from '../../../src/policy/rate-window.ts';
import { guarded } from '../../../src/storage/guarded.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createSharedStore, type SharedStoreOptions } from '../../../src/testing/two-contexts.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

const CALM = new AbortController().signal;
const ALMOST_ONE = 1 - 2 ** -32;

function setUp(random: () => number = () => 0) {
  const clock = createVirtualClock();
  return { clock, window: createRateWindow({ clock, random }) };
}

/** When each of so many waiters started, in the order they did. */
function wait(clock: Clock, window: RateWindow, count: number) {
  const starts: number[] = [];
  const all = Promise.all(
    Array.from({ length: count }, async () => {
      await window.wait(new AbortController().signal);
      starts.push(clock.monotonic());
    }),
  );
  return { starts, all };
}

describe('the pause', () => {
  it('D3: ends at the latest of all ends', async () => {
    const { clock, window } = setUp();
    window.set(5_000);
    window.set(1_000);
    expect([window.remainingMs, window.generation]).toEqual([5_000, 1]);
    await clock.advance(4_500);
    window.set(400);
    expect([window.remainingMs, window.generation]).toEqual([500, 1]);
    window.set(501);
    expect([window.remainingMs, window.generation]).toEqual([501, 2]);
    await clock.advance(501);
    expect([window.remainingMs, clock.pending]).toEqual([0, 0]);
  });

  it('D3: is not cleared by a request that started before it was set', () => {
    const { window } = setUp();
    const a = window.generation;
    window.set(5_000);
    window.clear(a);
    expect(window.remainingMs).toBe(5_000);
  });

  it('is cleared by one that started in it, unless its end has moved', async () => {
    const { clock, window } = setUp();
    window.set(5_000);
    const inFirst = window.generation;
    await clock.advance(1_000);
    window.set(5_000);
    window.clear(inFirst);
    expect(window.remainingMs).toBe(5_000);
    window.clear(window.generation);
    expect([window.remainingMs, window.isRecent]).toEqual([0, true]);
  });

  it('is a minute at most, and none for no time', () => {
    const { window } = setUp();
    for (const none of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY]) window.set(none);
    expect([window.generation, window.isRecent, window.remainingMs]).toEqual([0, false, 0]);
    window.set(60_001);
    expect(window.remainingMs).toBe(60_000);
    window.set(Number.POSITIVE_INFINITY);
    expect([window.remainingMs, window.generation]).toEqual([60_000, 1]);
  });

  it('is remembered for ten seconds from its end, natural or not', async () => {
    const { clock, window } = setUp();
    expect(window.isRecent).toBe(false);
    window.set(5_000);
    await clock.advance(5_000);
    // Long over: its clearing changes nothing.
    await clock.advance(4_000);
    window.clear(window.generation);
    await clock.advance(5_999);
    expect(window.snapshot()).toEqual({ remainingMs: 0, isRecent: true });
    await clock.advance(1);
    expect(window.snapshot()).toEqual({ remainingMs: 0, isRecent: false });

    window.set(5_000);
    await clock.advance(2_000);
    expect(window.snapshot()).toEqual({ remainingMs: 3_000, isRecent: true });
    window.clear(window.generation);
    await clock.advance(9_999);
    expect(window.isRecent).toBe(true);
    await clock.advance(1);
    expect(window.isRecent).toBe(false);
  });

  it('is the one that a list of all its ends tells of', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -1, max: 70_000 }) }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(20_000) }),
      fc.record({ kind: fc.constant('start' as const) }),
      fc.record({ kind: fc.constant('succeed' as const), which: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, window } = setUp();
        /** One end for each generation. */
        const ends = [Number.NEGATIVE_INFINITY];
        const current = (): number => ends.at(-1)!;
        let now = 0;
        let started: { readonly real: number; readonly model: number }[] = [];
        for (const one of steps) {
          if (one.kind === 'set') {
            window.set(one.ms);
            const end = now + Math.min(one.ms, 60_000);
            if (end > now && end > current()) ends.push(end);
          } else if (one.kind === 'advance') {
            await clock.advance(one.ms);
            now += one.ms;
          } else if (one.kind === 'start') {
            started.push({ real: window.generation, model: ends.length });
          } else if (started.length > 0) {
            const request = started[one.which % started.length]!;
            started = started.filter((other) => other !== request);
            window.clear(request.real);
            if (request.model === ends.length && current() > now) ends[ends.length - 1] = now;
          }
          expect(window.generation).toBe(ends.length - 1);
          expect(window.snapshot()).toEqual({
            remainingMs: Math.max(0, current() - now),
            isRecent: now < current() + 10_000,
          });
        }
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

describe('waiting', () => {
  it('takes no time, no timer and no chance where there is no pause', async () => {
    const { clock, window } = setUp(() => {
      throw new Error('no chance');
    });
    await window.wait(CALM);
    window.set(1_000);
    window.clear(window.generation);
    await window.wait(CALM);
    expect([clock.monotonic(), clock.pending]).toEqual([0, 0]);
  });

  it('D3: 20 waiters start after the deadline, spread over a second', async () => {
    const { clock, window } = setUp(seededRandom(1));
    window.set(5_000);
    const { starts, all } = wait(clock, window, 20);
    await clock.drive(all);
    expect(starts[0]).toBeGreaterThanOrEqual(5_000);
    expect(starts.at(-1)).toBeLessThan(6_000);
    expect(new Set(starts).size).toBe(20);
    expect(starts.at(-1)! - starts[0]!).toBeGreaterThan(500);
    expect(clock.pending).toBe(0);
  });

  it('spreads them over a quarter of the whole pause at most, and a second at most', async () => {
    for (const [pauses, endMs, spreadMs] of [
      [[400], 400, 100],
      [[4_000], 4_000, 1_000],
      [[60_000], 60_000, 1_000],
      // Set anew at its half: it is one pause of 1.5 times the length.
      [[400, 400], 600, 150],
    ] as const) {
      const { clock, window } = setUp(() => ALMOST_ONE);
      window.set(pauses[0]);
      if (pauses[1] !== undefined) {
        await clock.advance(pauses[0] / 2);
        window.set(pauses[1]);
      }
      await clock.drive(window.wait(CALM));
      expect(clock.monotonic()).toBeCloseTo(endMs + spreadMs, 3);
    }
  });

  it('spreads by the present pause, not by those before it', async () => {
    const { clock, window } = setUp(() => ALMOST_ONE);
    window.set(30_000);
    await clock.advance(30_000);
    window.set(400);
    await clock.drive(window.wait(CALM));
    expect(clock.monotonic()).toBeCloseTo(30_500, 3);
  });

  it('D3: an extension during the wait makes all wait for the new end, each in its place', async () => {
    const { clock, window } = setUp(seededRandom(2));
    window.set(5_000);
    const { starts, all } = wait(clock, window, 20);
    await clock.advance(4_900);
    window.set(5_000);
    await clock.drive(all);
    expect(starts[0]).toBeGreaterThanOrEqual(9_900);
    expect(starts.at(-1)).toBeLessThan(10_900);
    expect(new Set(starts).size).toBe(20);
    expect(clock.pending).toBe(0);
  });

  it('lets those who have not started yet wait on when a new pause comes while others start', async () => {
    const { clock, window } = setUp(seededRandom(3));
    window.set(5_000);
    const { starts, all } = wait(clock, window, 20);
    await clock.advance(5_500);
    const early = starts.length;
    expect(early > 0 && early < 20).toBe(true);
    window.set(2_000);
    await clock.drive(all);
    expect(starts[early]).toBeGreaterThanOrEqual(7_500);
    expect(starts.at(-1)).toBeLessThan(8_000);
  });

  it('draws one place for each waiter, however often it waits on', async () => {
    let draws = 0;
    const { clock, window } = setUp(() => {
      draws += 1;
      return 0.5;
    });
    window.set(5_000);
    const { starts, all } = wait(clock, window, 3);
    for (let again = 0; again < 4; again++) {
      await clock.advance(4_900);
      window.set(5_000);
    }
    await clock.drive(all);
    expect([draws, starts.length]).toEqual([3, 3]);
  });

  it('ends with the abort, and leaves neither timer nor listener', async () => {
    const { clock, window } = setUp();
    window.set(5_000);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const reason = { why: 'enough' };
    const aborted = rejection(window.wait(controller.signal));
    const other = window.wait(CALM);
    await clock.advance(1_000);
    expect(clock.pending).toBe(2);
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect([clock.pending, listeners.left, listeners.added]).toEqual([1, 0, 1]);
    await clock.drive(other);
    expect(clock.pending).toBe(0);

    const calm = new AbortController().signal;
    const calmListeners = countListeners(calm);
    window.set(5_000);
    await clock.drive(window.wait(calm));
    expect([calmListeners.left, calmListeners.added]).toEqual([0, 1]);
  });

  it('is refused to an aborted signal, pause or not', async () => {
    const { clock, window } = setUp();
    expect(await rejection(window.wait(AbortSignal.abort('enough')))).toBe('enough');
    window.set(5_000);
    expect(await rejection(window.wait(AbortSignal.abort('enough')))).toBe('enough');
    expect(clock.pending).toBe(0);
  });

  it('depends on no timer that is on time', async () => {
    for (const factor of [0.5, 0.999, 1.5]) {
      const clock = createVirtualClock();
      let timers = 0;
      const inexact: Clock = {
        ...clock,
        schedule(callback, ms) {
          timers += 1;
          return clock.schedule(callback, ms * factor);
        },
      };
      const window = createRateWindow({ clock: inexact, random: () => 0 });
      window.set(60_000);
      await clock.drive(window.wait(CALM));
      expect(clock.monotonic()).toBeGreaterThanOrEqual(60_000);
      expect(timers).toBeLessThan(30);
    }
  });

  it('does not spin on times that do not add up', async () => {
    const ms = fc.double({ min: 0.01, max: 60_000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(ms, ms, ms, async (startMs, sinceMs, pauseMs) => {
        const clock = createVirtualClock();
        let timers = 0;
        const counting: Clock = {
          ...clock,
          schedule(callback, delayMs) {
            timers += 1;
            if (timers > 100) throw new Error('It spins');
            return clock.schedule(callback, delayMs);
          },
        };
        const window = createRateWindow({ clock: counting, random: () => 0 });
        await clock.advance(startMs);
        window.set(pauseMs);
        const endMs = clock.monotonic() + window.remainingMs;
        await clock.advance(Math.min(sinceMs, pauseMs / 2));
        await clock.drive(window.wait(CALM));
        expect(clock.monotonic()).toBeGreaterThan(endMs - 1e-6);
        expect(clock.monotonic()).toBeLessThan(endMs + 1.01);
        expect(timers).toBeLessThanOrEqual(2);
      }),
      { numRuns: 100 },
    );
  });

  it('ends for everybody in the open window, and soon after its last end, whatever happens', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(8_000) }),
      fc.record({ kind: fc.constant('wait' as const) }),
      fc.record({ kind: fc.constant('abort' as const), which: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer(), async (steps, seed) => {
        const { clock, window } = setUp(seededRandom(seed));
        const closed: [from: number, to: number][] = [];
        const waiters: {
          readonly controller: AbortController;
          readonly outcome: Promise<number | string>;
        }[] = [];
        for (const one of steps) {
          if (one.kind === 'set') {
            window.set(one.ms);
            closed.push([clock.monotonic(), clock.monotonic() + one.ms]);
          } else if (one.kind === 'advance') await clock.advance(one.ms);
          else if (one.kind === 'wait') waiters.push(startWaiter(clock, window));
          else if (waiters.length > 0) waiters[one.which % waiters.length]!.controller.abort('aborted');
        }
        const lastEnd = Math.max(0, ...closed.map(([, to]) => to));
        const endedAt = Math.max(clock.monotonic(), lastEnd);
        const outcomes = await clock.drive(Promise.all(waiters.map(({ outcome }) => outcome)));
        for (const [i, outcome] of outcomes.entries()) {
          if (typeof outcome === 'string') {
            expect([outcome, waiters[i]?.controller.signal.aborted]).toEqual(['aborted', true]);
          } else {
            expect(closed.filter(([from, to]) => from < outcome && outcome < to)).toEqual([]);
            expect(outcome).toBeLessThan(endedAt + 1_001);
          }
        }
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

function startWaiter(clock: VirtualClock, window: RateWindow) {
  const controller = new AbortController();
  const outcome = window.wait(controller.signal).then(
    () => clock.monotonic(),
    (reason: unknown) => String(reason),
  );
  return { controller, outcome };
}

const KEY = 'isotinker:v1:window:account:sample';
const TEN_MINUTES_MS = 600_000;

/** Several contexts over one store, each with its own window; `skewsMs` are the errors of their wall clocks. */
function shareStore(
  options: Omit<SharedStoreOptions, 'clock'>,
  skewsMs: readonly number[] = [0, 0],
  keys: readonly string[] = [],
) {
  const clock = createVirtualClock();
  const store = createSharedStore({ ...options, clock });
  const windows = skewsMs.map((skewMs, i) =>
    createRateWindow({
      clock: { ...clock, now: () => clock.now() + skewMs },
      random: () => 0,
      storage: store.open(),
      storageKey: keys[i] ?? KEY,
    }),
  );
  const [a, b = a, c = b] = windows as [RateWindow, ...RateWindow[]];
  const calls = (operation: string): number =>
    store.transactions.filter((transaction) => transaction.operation === operation).length;
  return { clock, store, windows, a, b, c, calls };
}

/** A store of one value, its own window over it, and what was asked of it. */
function keepValue(value?: Uint8Array) {
  const clock = createVirtualClock();
  const storage = memoryStorage(clock);
  if (value !== undefined) void storage.set(KEY, value);
  return { clock, storage, window: createRateWindow({ clock, random: () => 0, storage, storageKey: KEY }) };
}

const stored = (clock: Clock, inMs: number, pauseMs = inMs): Uint8Array =>
  encodeUtf8(JSON.stringify({ v: 1, endsAt: clock.now() + inMs, pauseMs }));

describe.each([
  ['strict', 0],
  ['hint', 400],
] as const)('a pause in a %s store', (consistency, stalenessMs) => {
  it('D3, case 37: is honoured by the other context on its next request', async () => {
    const { clock, a, b } = shareStore({ consistency, stalenessMs });
    a.set(5_000);
    await clock.advance(1_000);
    expect(b.remainingMs).toBe(0);
    await b.refresh(CALM);
    expect(b.snapshot()).toEqual({ remainingMs: 4_000, isRecent: true });
    expect(b.generation).toBe(1);
    await clock.drive(b.wait(CALM));
    expect([clock.monotonic(), clock.pending]).toEqual([5_000, 0]);
  });

  it('ends at the latest of all ends', async () => {
    const { clock, a, b, c } = shareStore({ consistency, stalenessMs }, [0, 0, 0]);
    a.set(10_000);
    await clock.advance(1_000);
    b.set(2_000);
    await clock.advance(1_000);
    await Promise.all([b.refresh(), c.refresh()]);
    expect([b.remainingMs, c.remainingMs]).toEqual([8_000, 8_000]);
    b.set(9_000);
    await clock.advance(1_000);
    await Promise.all([a.refresh(), c.refresh()]);
    expect([a.remainingMs, c.remainingMs]).toEqual([8_000, 8_000]);
  });

  it('D3: is not that of another key', async () => {
    const { clock, a, b } = shareStore({ consistency, stalenessMs }, [0, 0], ['key a', 'key b']);
    a.set(5_000);
    await clock.advance(1_000);
    await b.refresh();
    expect([b.remainingMs, b.isRecent]).toEqual([0, false]);
  });

  it.each([TEN_MINUTES_MS, -TEN_MINUTES_MS])(
    'case 37: of a context whose clock is %d ms off keeps nobody longer than it is',
    async (skewMs) => {
      const { clock, a, b, calls } = shareStore({ consistency, stalenessMs }, [skewMs, 0]);
      a.set(5_000);
      await clock.advance(500);
      // Refreshing on and on must not take the same pause again.
      await b.refresh();
      const leftMs = b.remainingMs;
      expect(leftMs).toBe(skewMs > 0 ? 5_000 : 0);
      for (let elapsedMs = 0; elapsedMs < 8_000; elapsedMs += 400) {
        await clock.advance(400);
        await b.refresh();
        expect(b.remainingMs).toBe(Math.max(0, leftMs - elapsedMs - 400));
      }
      expect(calls('get')).toBeGreaterThan(20);
    },
  );

  it('is hidden by none whose clock is wrong', async () => {
    const { clock, a, b, c } = shareStore({ consistency, stalenessMs }, [TEN_MINUTES_MS, 0, 0]);
    a.set(3_000);
    await clock.advance(1_000);
    b.set(9_000);
    await clock.advance(1_000);
    await c.refresh();
    expect(c.remainingMs).toBe(8_000);
  });

  it('does not return after it was cleared', async () => {
    const { clock, a } = shareStore({ consistency, stalenessMs });
    a.set(5_000);
    await clock.advance(1_000);
    await a.refresh();
    a.clear(a.generation);
    await clock.advance(1_000);
    await a.refresh();
    expect(a.snapshot()).toEqual({ remainingMs: 0, isRecent: true });
  });

  it('is written once for hundreds of refusals, with the last of their ends', async () => {
    const { clock, store, a, b, calls } = shareStore({ consistency, stalenessMs, latencyMs: 20 });
    for (let refusal = 0; refusal < 300; refusal++) a.set(5_000 + refusal);
    await clock.advance(1_000);
    expect(calls(consistency === 'strict' ? 'update' : 'set')).toBe(2);
    await clock.drive(b.refresh());
    expect(b.remainingMs).toBe(4_299 - 20);
    const { length } = store.transactions;
    a.set(1);
    await clock.advance(1_000);
    expect([store.transactions.length, clock.pending]).toEqual([length, 0]);
  });

  it.each(['throw', 'reject', 'hang', 'absent'] as const)(
    'goes on here where the store does: %s, and there again once it is well',
    async (fault) => {
      const clock = createVirtualClock();
      const store = createSharedStore({ clock, consistency, stalenessMs });
      const events: TinkerEvent[] = [];
      const [a, b] = [0, 1].map(() => {
        const storage = guarded(store.open(), { clock, emit: (event) => events.push(event) });
        return createRateWindow({ clock, random: () => 0, storage, storageKey: KEY });
      }) as [RateWindow, RateWindow];
      store.fail(undefined, fault);
      a.set(60_000);
      await clock.drive(Promise.all([a.refresh(CALM), b.refresh(CALM)]));
      await clock.advance(0);
      expect([a.remainingMs, b.remainingMs]).toEqual([60_000 - clock.monotonic(), 0]);
      expect(events.length).toBe(fault === 'absent' ? 0 : 2);
      store.heal();
      await clock.advance(32_000);
      a.set(60_000);
      await clock.advance(1_000);
      await b.refresh(CALM);
      expect(b.remainingMs).toBe(59_000);
      expect(clock.pending).toBe(0);
    },
  );
});

describe('a pause in an atomic store', () => {
  it('is the same in all contexts, after whatever they were asked for', async () => {
    const step = fc.record({
      who: fc.nat(2),
      pauseMs: fc.integer({ min: 1, max: 70_000 }),
      thenMs: fc.nat(20_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const { clock, windows } = shareStore({ consistency: 'strict', latencyMs: 3 }, [0, 0, 0]);
        let endsAt = 0;
        for (const { who, pauseMs, thenMs } of steps) {
          windows[who]?.set(pauseMs);
          endsAt = Math.max(endsAt, clock.monotonic() + Math.min(pauseMs, 60_000));
          await clock.advance(thenMs);
        }
        await clock.advance(1_000);
        await clock.drive(Promise.all(windows.map((window) => window.refresh())));
        const leftMs = Math.max(0, endsAt - clock.monotonic());
        expect(windows.map((window) => window.remainingMs)).toEqual([leftMs, leftMs, leftMs]);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('is written as versioned JSON, and kept for two minutes', async () => {
    const { clock, storage, window } = keepValue();
    window.set(5_000);
    await clock.advance(119_999);
    expect(decodeUtf8((await storage.get(KEY))!)).toBe('{"v":1,"endsAt":1700000005000,"pauseMs":5000}');
    await clock.advance(1);
    expect(await storage.get(KEY)).toBeUndefined();
  });

  it('is written as no longer than a minute', async () => {
    const { clock, storage, window } = keepValue();
    window.set(Number.POSITIVE_INFINITY);
    await clock.advance(0);
    expect(await storage.get(KEY)).toEqual(stored(clock, 60_000));
  });

  it('does not grow when the wall clock is set back', async () => {
    const { clock, window } = keepValue();
    window.set(5_000);
    await clock.advance(1_000);
    clock.jumpWall(-TEN_MINUTES_MS);
    await window.refresh();
    expect(window.remainingMs).toBe(4_000);
  });
});

describe('what is read', () => {
  it.each([
    ['no JSON', 'pause!'],
    ['null', 'null'],
    ['a number', '5'],
    ['nothing', ''],
    ['no version', '{"endsAt":1700000005000,"pauseMs":5000}'],
    ['another version', '{"v":2,"endsAt":1700000005000,"pauseMs":5000}'],
    ['no end', '{"v":1,"pauseMs":5000}'],
    ['an end that is no number', '{"v":1,"endsAt":"1700000005000","pauseMs":5000}'],
    ['an end without bounds', '{"v":1,"endsAt":1e999,"pauseMs":5000}'],
    ['no length', '{"v":1,"endsAt":1700000005000}'],
    ['a length that is no number', '{"v":1,"endsAt":1700000005000,"pauseMs":"5000"}'],
    ['a length below nothing', '{"v":1,"endsAt":1700000005000,"pauseMs":-5}'],
    ['an end in the past', '{"v":1,"endsAt":1700000000000,"pauseMs":5000}'],
  ])('is ignored where it is %s, and written over', async (_, text) => {
    const { clock, storage, window } = keepValue(encodeUtf8(text));
    await window.refresh();
    expect([window.generation, window.remainingMs, window.isRecent]).toEqual([0, 0, false]);
    window.set(1_000);
    await clock.advance(0);
    expect([await storage.get(KEY), window.remainingMs]).toEqual([stored(clock, 1_000), 1_000]);
  });

  it('D3: is clamped to a minute from now, once', async () => {
    const clock = createVirtualClock();
    const far = stored(clock, 1e9);
    const { clock: own, window } = keepValue(far);
    await window.refresh();
    expect(window.remainingMs).toBe(60_000);
    await own.advance(30_000);
    await window.refresh();
    expect(window.remainingMs).toBe(30_000);
  });

  it('is what another clock that is a little ahead wrote, and not written over by less', async () => {
    const reference = createVirtualClock();
    for (const [aheadMs, isKept] of [
      [120_000, true],
      [120_001, false],
    ] as const) {
      const { clock, storage, window } = keepValue(stored(reference, aheadMs, 60_000));
      window.set(1_000);
      await clock.advance(0);
      const expected = isKept ? stored(clock, aheadMs, 60_000) : stored(clock, 1_000);
      expect(await storage.get(KEY)).toEqual(expected);
      await window.refresh();
      expect(window.remainingMs).toBe(isKept ? 60_000 : 1_000);
    }
  });
});

describe('reading', () => {
  it('is done once every 250 ms', async () => {
    const { clock, a, calls } = shareStore({ consistency: 'hint' });
    for (const [afterMs, reads] of [
      [0, 1],
      [0, 1],
      [249, 1],
      [1, 2],
      [249, 2],
      [1, 3],
    ] as const) {
      await clock.advance(afterMs);
      await a.refresh();
      expect(calls('get')).toBe(reads);
    }
  });

  it('is done once for all who ask while it lasts', async () => {
    const { clock, a, b, calls } = shareStore({ consistency: 'hint', latencyMs: 1_000 });
    b.set(10_000);
    await clock.advance(2_000);
    expect(calls('get')).toBe(1);
    const first = Promise.all(Array.from({ length: 10 }, () => a.refresh()));
    await clock.advance(600);
    const second = a.refresh(CALM);
    await clock.drive(Promise.all([first, second]));
    expect([calls('get'), clock.monotonic(), a.remainingMs]).toEqual([2, 3_000, 7_000]);
  });

  it('goes on for the others when one who asked aborts', async () => {
    const { clock, a, b } = shareStore({ consistency: 'strict', latencyMs: 100 });
    b.set(10_000);
    await clock.advance(1_000);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const aborted = rejection(a.refresh(controller.signal));
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    expect(await rejection(a.refresh(controller.signal))).toBe('enough');
    await clock.advance(100);
    expect([a.remainingMs, listeners.left, clock.pending]).toEqual([8_900, 0, 0]);
  });

  it('is refused to an aborted signal, and not begun for it', async () => {
    const { a, store } = shareStore({ consistency: 'strict' });
    expect(await rejection(a.refresh(AbortSignal.abort('enough')))).toBe('enough');
    expect(store.transactions).toEqual([]);
  });

  it.each(['throw', 'reject'] as const)('survives a store without a guard that does: %s', async (fault) => {
    const { clock, store, a, b } = shareStore({ consistency: 'strict' });
    store.fail(undefined, fault);
    a.set(5_000);
    await Promise.all([a.refresh(), b.refresh()]);
    expect([a.remainingMs, b.remainingMs]).toEqual([5_000, 0]);
    store.heal();
    await clock.advance(1_000);
    a.set(9_000);
    await clock.advance(1_000);
    await b.refresh();
    expect(b.remainingMs).toBe(8_000);
  });

  it('is nothing without a store, or without a key in it', async () => {
    const { clock, store } = shareStore({ consistency: 'hint' });
    for (const options of [{ storageKey: KEY }, { storage: store.open() }]) {
      const window = createRateWindow({ clock, random: () => 0, ...options });
      window.set(1_000);
      await window.refresh();
      await clock.advance(0);
      expect([window.remainingMs, store.transactions, clock.pending]).toEqual([1_000, [], 0]);
    }
  });
});
