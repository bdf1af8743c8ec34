import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import type { Clock, ScheduleOptions } from '../../../src/kernel/clock.ts';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { createProgressWatch } from '../../../src/policy/progress-watch.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

const LIMIT_MS = 10_000;
/** Start, success and limit in milliseconds: their sums round so that the timer comes a moment before its time. */
const SPIN: [number, number, number] = [2_536.3, 53, 805.1];
const never = (): Promise<never> => new Promise(() => {});
const freshSignal = (): AbortSignal => new AbortController().signal;

function setUp(limitMs = LIMIT_MS) {
  const clock = createVirtualClock();
  const scheduled: (ScheduleOptions | undefined)[] = [];
  const counting: Clock = {
    ...clock,
    schedule(callback, ms, options) {
      scheduled.push(options);
      if (scheduled.length > 1_000) throw new Error('It spins');
      return clock.schedule(callback, ms, options);
    },
  };
  const watch = createProgressWatch({ clock: counting, limitMs });
  /** Work that succeeds after so long, or fails with `error`. Its own timers are not among those counted. */
  const works = (ms: number, error?: unknown) =>
    watch.run(freshSignal(), async (signal) => {
      await sleep(clock, ms, signal);
      if (error !== undefined) throw error;
      return ms;
    });
  /** What it rejects with and when, or `undefined` while it has not. */
  const watched = (work: Promise<unknown>) => {
    const outcome: { error?: unknown; at?: number } = {};
    work.catch((error: unknown) => {
      outcome.error = error;
      outcome.at = clock.monotonic();
    });
    return outcome;
  };
  return { clock, scheduled, watch, works, watched };
}

describe('createProgressWatch', () => {
  it('gives what the work gives, and leaves neither timer nor listener', async () => {
    const { clock, watch } = setUp();
    const signal = freshSignal();
    const listeners = countListeners(signal);
    expect(await watch.run(signal, async () => 5)).toBe(5);
    const error = new Error('no');
    expect(await rejection(watch.run(signal, () => Promise.reject(error)))).toBe(error);
    const thrower = () => {
      throw error;
    };
    expect(await rejection(watch.run(signal, thrower))).toBe(error);
    expect([clock.pending, watch.running, listeners.left, listeners.added > 0]).toEqual([0, 0, 0, true]);
  });

  it('ends all when none has got done for the limit, just then and each with its own error', async () => {
    const { clock, watch, watched } = setUp();
    const signal = freshSignal();
    const listeners = countListeners(signal);
    const inner: AbortSignal[] = [];
    const hang = (own: AbortSignal) => {
      inner.push(own);
      return never();
    };
    const first = watched(watch.run(signal, hang));
    await clock.advance(4_000);
    const second = watched(watch.run(signal, hang));
    await clock.advance(LIMIT_MS - 4_001);
    expect([first, second, watch.running]).toEqual([{}, {}, 2]);
    await clock.advance(1);
    for (const { error, at } of [first, second]) {
      expect(at).toBe(LIMIT_MS);
      expect(isTinkerError(error, 'timed_out')).toBe(true);
      expect(error).toMatchObject({ scope: 'progress', limitMs: LIMIT_MS, retryable: false });
      expect((error as Error).message).toContain('requests appear to be stuck');
    }
    expect(inner.map(({ reason }) => reason)).toEqual([first.error, second.error]);
    expect(first.error).not.toBe(second.error);
    expect(signal.aborted).toBe(false);
    await clock.advance(0);
    expect([clock.pending, watch.running, listeners.left]).toEqual([0, 0, 0]);
  });

  it('waits two hours by default', async () => {
    const clock = createVirtualClock();
    const watch = createProgressWatch({ clock });
    const work = rejection(watch.run(freshSignal(), never));
    await clock.advance(7_199_999);
    expect(watch.running).toBe(1);
    await clock.advance(1);
    expect(await work).toMatchObject({ limitMs: 7_200_000 });
  });

  it('counts a success as progress for all', async () => {
    const { clock, watch, works, watched } = setUp();
    const stuck = watched(watch.run(freshSignal(), never));
    const done = works(9_999);
    await clock.advance(LIMIT_MS + 9_998);
    expect([await done, stuck]).toEqual([9_999, {}]);
    await clock.advance(1);
    expect(stuck.at).toBe(LIMIT_MS + 9_999);
  });

  it('counts neither failures nor aborts nor beginnings as progress', async () => {
    const { clock, watch, works, watched } = setUp();
    const stuck = watched(watch.run(freshSignal(), never));
    const failed = rejection(works(5_000, 'failed'));
    const controller = new AbortController();
    const aborted = rejection(watch.run(controller.signal, never));
    await clock.advance(6_000);
    controller.abort('aborted');
    expect([await failed, await aborted]).toEqual(['failed', 'aborted']);
    const late = watched(works(5_000));
    await clock.advance(4_000);
    expect([stuck.at, late.at]).toEqual([LIMIT_MS, LIMIT_MS]);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it('does not count the time without work', async () => {
    const { clock, watch, works, watched } = setUp();
    await clock.drive(works(1));
    await clock.advance(50_000);
    const stuck = watched(watch.run(freshSignal(), never));
    await clock.advance(LIMIT_MS - 1);
    expect(stuck).toEqual({});
    await clock.advance(1);
    expect(stuck.at).toBe(50_001 + LIMIT_MS);
  });

  it('passes the caller’s reason through, and does not wait for the work', async () => {
    const { clock, watch } = setUp();
    const controller = new AbortController();
    let inner: AbortSignal | undefined;
    const work = rejection(
      watch.run(controller.signal, (own) => {
        inner = own;
        return never();
      }),
    );
    const reason = { why: 'enough' };
    controller.abort(reason);
    expect([await work, inner?.reason]).toEqual([reason, reason]);
    expect([clock.pending, watch.running]).toEqual([0, 0]);
  });

  it('starts nothing under an aborted signal', async () => {
    const { scheduled, watch } = setUp();
    let isStarted = false;
    const work = watch.run(AbortSignal.abort('enough'), async () => {
      isStarted = true;
    });
    expect([await rejection(work), isStarted, scheduled.length]).toEqual(['enough', false, 0]);
  });

  it('has one background timer for a thousand, moved by none of them, and none when all are done', async () => {
    const { clock, scheduled, watch, works } = setUp();
    const all = Promise.all(Array.from({ length: 1_000 }, (_, i) => works(1 + i)));
    expect([clock.pendingInBackground, watch.running, scheduled]).toEqual([1, 1_000, [{ background: true }]]);
    await clock.advance(500);
    expect([clock.pendingInBackground, watch.running, scheduled.length]).toEqual([1, 500, 1]);
    await clock.advance(500);
    expect((await all).length).toBe(1_000);
    expect([clock.pending, watch.running]).toEqual([0, 0]);
  });

  it('begins afresh with work that starts while the stuck are told', async () => {
    const { clock, watch, works, watched } = setUp();
    let next: { at?: number } | undefined;
    const stuck = watch.run(freshSignal(), (own) => {
      own.addEventListener('abort', () => {
        next = watched(watch.run(freshSignal(), never));
      });
      return never();
    });
    await clock.advance(0);
    const error = rejection(stuck);
    await clock.advance(LIMIT_MS);
    expect(await error).toMatchObject({ scope: 'progress' });
    expect([next, watch.running, clock.pendingInBackground]).toEqual([{}, 1, 1]);
    await clock.advance(4_000);
    await clock.drive(works(0));
    await clock.advance(LIMIT_MS - 1);
    expect(next).toEqual({});
    await clock.advance(1);
    expect(next?.at).toBe(2 * LIMIT_MS + 4_000);
    await clock.advance(0);
    expect([watch.running, clock.pending]).toEqual([0, 0]);
  });

  it('does not spin on times that do not add up', async () => {
    const ms = fc.double({ min: 1.5, max: 1e4, noNaN: true });
    await fc.assert(
      fc.asyncProperty(ms, ms, ms, async (startMs, doneMs, limitMs) => {
        // Which of two comes first that come together, rounding decides.
        fc.pre(Math.abs(doneMs - limitMs) > 2);
        const { clock, scheduled, watch, works } = setUp(limitMs);
        await clock.advance(startMs);
        const done = works(doneMs).catch(() => {});
        const stuck = rejection(watch.run(freshSignal(), never));
        await clock.drive(Promise.all([done, stuck]));
        const progressMs = doneMs < limitMs ? doneMs : 0;
        expect(Math.abs(clock.monotonic() - startMs - progressMs - limitMs)).toBeLessThan(2.01);
        expect(scheduled.length).toBeLessThanOrEqual(3);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 50, examples: [SPIN] },
    );
  });

  it('ends who is under way when nothing has succeeded for the limit, and nobody else', async () => {
    const spec = fc.record({
      startMs: fc.nat(60_000),
      tookMs: fc.integer({ min: 1, max: 25_000 }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 12 }), async (specs) => {
        const { clock, works } = setUp();
        const outcomes = specs.map(async ({ startMs, tookMs, fails }, i) => {
          // Odd starts and even ends: nothing happens at the same time as another thing.
          await sleep(clock, 64 * startMs + 2 * i + 1);
          return works(64 * tookMs + 32, fails ? 'failed' : undefined).then(
            () => 'done',
            (error: unknown) => (error === 'failed' ? 'failed' : `stuck at ${clock.monotonic()}`),
          );
        });
        const limits = specs.map(({ startMs, tookMs, fails }, i) => {
          const start = 64 * startMs + 2 * i + 1;
          return { start, end: start + 64 * tookMs + 32, fails };
        });
        expect(await clock.drive(Promise.all(outcomes))).toEqual(referenceOutcomes(limits));
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

interface Span {
  readonly start: number;
  readonly end: number;
  readonly fails: boolean;
}

/** The rule walked through in time order: starts, ends and the limit, one after the other. */
function referenceOutcomes(spans: readonly Span[]): string[] {
  const outcomes = spans.map(() => '');
  const times = spans.flatMap(({ start, end }, i) => [
    { at: start, i, isStart: true },
    { at: end, i, isStart: false },
  ]);
  times.sort((a, b) => a.at - b.at);
  let running: number[] = [];
  let progressAt = 0;
  for (const { at, i, isStart } of times) {
    if (running.length > 0 && progressAt + LIMIT_MS <= at) {
      for (const one of running) outcomes[one] = `stuck at ${progressAt + LIMIT_MS}`;
      running = [];
    }
    if (isStart) {
      if (running.length === 0) progressAt = at;
      running.push(i);
    } else if (running.includes(i)) {
      running = running.filter((one) => one !== i);
      outcomes[i] = spans[i]?.fails ? 'failed' : 'done';
      if (!spans[i]?.fails) progressAt = at;
    }
  }
  return outcomes;
}
