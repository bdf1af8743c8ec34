import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../../src/policy/limiter.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { rejection } from '../../support/settled.ts';

/** Work that settles when told to. */
function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const { signal: CALM } = new AbortController();

describe('createLimiter', () => {
  it('gives what the work gives', async () => {
    const limiter = createLimiter(1);
    expect(await limiter.run(CALM, async () => 5)).toBe(5);
    const error = new Error('no');
    expect(await rejection(limiter.run(CALM, () => Promise.reject(error)))).toBe(error);
    expect(await limiter.run(CALM, async () => 'the slot is free again')).toBe('the slot is free again');
  });

  it('runs so many at a time, in the order asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(3), { maxLength: 20 }),
        async (width, turns) => {
          const limiter = createLimiter(width);
          const started: number[] = [];
          let running = 0;
          let most = 0;
          const work = turns.map((waits, index) =>
            limiter.run(freshSignal(), async () => {
              started.push(index);
              running += 1;
              most = Math.max(most, running);
              for (let wait = 0; wait < waits; wait++) await turn();
              running -= 1;
            }),
          );
          await Promise.all(work);
          expect(started).toEqual(turns.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(width);
          expect(most).toBeGreaterThanOrEqual(Math.min(1, turns.length));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('lets a waiter go at once when it aborts, and never starts its work', async () => {
    const limiter = createLimiter(1);
    const first = deferred();
    const order: string[] = [];
    const running = limiter.run(CALM, () => first.promise);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const aborted = rejection(limiter.run(controller.signal, async () => order.push('aborted')));
    const next = limiter.run(CALM, async () => order.push('next'));
    const reason = { why: 'enough' };
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(order).toEqual([]);
    first.resolve();
    await Promise.all([running, next]);
    expect(order).toEqual(['next']);
    expect(listeners.left).toBe(0);
  });

  it('holds the slot until the work settles, whatever the signal says', async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const limiter = createLimiter(1);
      const first = deferred();
      const controller = new AbortController();
      const aborted = rejection(limiter.run(controller.signal, () => first.promise));
      let isNextStarted = false;
      const next = limiter.run(CALM, async () => {
        isNextStarted = true;
      });
      await turn();
      controller.abort('enough');
      expect(await aborted).toBe('enough');
      await turn();
      expect(isNextStarted).toBe(false);
      if (end === 'resolve') first.resolve();
      else first.reject(new Error('nobody hears this'));
      await next;
      expect(isNextStarted).toBe(true);
    }
  });

  it('refuses an aborted signal without queueing', async () => {
    const limiter = createLimiter(1);
    let started = false;
    const work = limiter.run(AbortSignal.abort('enough'), async () => {
      started = true;
    });
    expect(await rejection(work)).toBe('enough');
    await turn();
    expect(started).toBe(false);
  });

  it('leaves no listener on the signal', async () => {
    const limiter = createLimiter(2);
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    await Promise.all(Array.from({ length: 8 }, () => limiter.run(signal, turn)));
    expect(listeners.added).toBe(8);
    expect(listeners.left).toBe(0);
  });

  it('makes ten thousand wait without a timer', async () => {
    const real = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
    let timers = 0;
    const counting = () => {
      timers += 1;
      throw new Error('no timers here');
    };
    Object.assign(globalThis, { setTimeout: counting, setInterval: counting });
    try {
      const limiter = createLimiter(1);
      const first = deferred();
      let done = 0;
      const work = [limiter.run(freshSignal(), () => first.promise)];
      for (let i = 0; i < 10_000; i++) {
        work.push(
          limiter.run(freshSignal(), async () => {
            done += 1;
          }),
        );
      }
      first.resolve();
      await Promise.all(work);
      expect(done).toBe(10_000);
      expect(timers).toBe(0);
    } finally {
      Object.assign(globalThis, real);
    }
  });
});

/** A signal of its own, as each operation has one. */
function freshSignal(): AbortSignal {
  return new AbortController().signal;
}
