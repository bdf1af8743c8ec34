import { queryObjects } from 'node:v8';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { createLimiter } from '../../../src/policy/limiter.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';
import { forbidTimers, microtasks } from '../../support/timers.ts';

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

afterEach(() => {
  vi.unstubAllGlobals();
});

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
    // One for the wait and the run together.
    expect(listeners.added).toBe(8);
    expect(listeners.left).toBe(0);
  });

  it('returns the slot of work that throws before it returns a promise', async () => {
    const limiter = createLimiter(1);
    const error = new Error('no');
    const work = limiter.run(CALM, () => {
      throw error;
    });
    expect(await rejection(work)).toBe(error);
    expect(limiter.active).toBe(0);
    expect(await limiter.run(CALM, async () => 'next')).toBe('next');
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'never starts work after an abort, were it %i microtasks after the slot became free',
    async (delay) => {
      const limiter = createLimiter(1);
      const release = await limiter.acquire(CALM);
      const controller = new AbortController();
      let isStartedLate = false;
      const work = limiter.run(controller.signal, async () => {
        isStartedLate = controller.signal.aborted;
        return 'done';
      });
      const outcome = work.catch(String);
      release();
      for (let i = 0; i < delay; i++) await undefined;
      controller.abort('aborted');
      expect(delay === 0 ? ['aborted'] : ['aborted', 'done']).toContain(await outcome);
      await microtasks();
      expect(isStartedLate).toBe(false);
      expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
    },
  );

  it('makes ten thousand wait for ten slots, in order and without a timer', async () => {
    forbidTimers();
    const limiter = createLimiter(10);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    const gate = deferred();
    const work = Array.from({ length: 10_000 }, (_, index) =>
      limiter.run(freshSignal(), async () => {
        started.push(index);
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
      }),
    );
    expect([limiter.active, limiter.waiting]).toEqual([10, 9_990]);
    await microtasks();
    expect(started).toHaveLength(10);
    gate.resolve();
    await Promise.all(work);
    expect(started).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
    expect(most).toBe(10);
    expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
  });

  it('lets five thousand of ten thousand abort, and the rest finish in order', async () => {
    forbidTimers();
    const limiter = createLimiter(10);
    const random = seededRandom(5);
    const gates = await Promise.all(Array.from({ length: 10 }, () => limiter.acquire(CALM)));
    const finished: number[] = [];
    const waiters = Array.from({ length: 10_000 }, (_, id) => {
      const controller = new AbortController();
      const listeners = countListeners(controller.signal);
      const work = limiter.run(controller.signal, async () => {
        finished.push(id);
        return 'finished';
      });
      return { id, controller, listeners, outcome: work.catch(String) };
    });
    const aborted = new Set<number>();
    while (aborted.size < 5_000) aborted.add(Math.floor(random() * 10_000));
    for (const id of aborted) waiters[id]?.controller.abort('aborted');
    expect(limiter.waiting).toBe(5_000);
    for (const id of aborted) expect(await waiters[id]?.outcome).toBe('aborted');
    expect(finished).toEqual([]);
    for (const release of gates) release();
    const outcomes = await Promise.all(waiters.map(({ outcome }) => outcome));
    expect(outcomes.filter((outcome) => outcome === 'finished')).toHaveLength(5_000);
    expect(finished).toEqual(waiters.map(({ id }) => id).filter((id) => !aborted.has(id)));
    expect([limiter.active, limiter.waiting, limiter.isFull]).toEqual([0, 0, false]);
    expect(waiters.filter(({ listeners }) => listeners.left > 0)).toEqual([]);
  });

  it('keeps as many in flight as it may: throughput is capacity by latency', async () => {
    const clock = createVirtualClock({ graceTurns: 1 });
    const random = seededRandom(7);
    const limiter = createLimiter(10);
    let latencyMs = 0;
    const work = Array.from({ length: 5_000 }, () => {
      const ms = 20 + Math.floor(random() * 60);
      latencyMs += ms / 5_000;
      return limiter.run(freshSignal(), () => sleep(clock, ms));
    });
    await clock.drive(Promise.all(work));
    const perMs = 5_000 / clock.monotonic();
    expect(perMs / (10 / latencyMs)).toBeGreaterThan(0.98);
    expect(perMs / (10 / latencyMs)).toBeLessThanOrEqual(1);
    expect(clock.pending).toBe(0);
  });
});

describe('acquire', () => {
  it('gives a slot until it is released, and counts who has one and who waits', async () => {
    const limiter = createLimiter(2);
    const gauges = () => [limiter.active, limiter.waiting, limiter.isFull];
    expect(limiter.capacity).toBe(2);
    expect(gauges()).toEqual([0, 0, false]);
    const first = limiter.acquire(CALM);
    expect(gauges()).toEqual([1, 0, false]);
    const second = limiter.acquire(CALM);
    expect(gauges()).toEqual([2, 0, true]);
    const third = limiter.acquire(CALM);
    expect(gauges()).toEqual([2, 1, true]);
    const releaseFirst = await first;
    const releaseSecond = await second;
    expect(gauges()).toEqual([2, 1, true]);
    releaseFirst();
    expect(gauges()).toEqual([2, 0, true]);
    releaseSecond();
    expect(gauges()).toEqual([1, 0, false]);
    (await third)();
    expect(gauges()).toEqual([0, 0, false]);
  });

  it('knows at once that it is full, before the slot has been handed out', () => {
    const limiter = createLimiter(1);
    void limiter.acquire(CALM);
    expect(limiter.isFull).toBe(true);
  });

  it('takes a second release for none', async () => {
    const limiter = createLimiter(1);
    const release = await limiter.acquire(CALM);
    const granted: string[] = [];
    const ask = async (name: string) => {
      const free = await limiter.acquire(CALM);
      granted.push(name);
      return free;
    };
    const second = ask('second');
    const third = ask('third');
    release();
    release();
    expect([limiter.active, limiter.waiting]).toEqual([1, 1]);
    await microtasks();
    expect(granted).toEqual(['second']);
    release();
    await microtasks();
    expect(granted).toEqual(['second']);
    (await second)();
    (await third)();
    expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
  });

  it('skips those who left within microtasks, however many', async () => {
    forbidTimers();
    const limiter = createLimiter(1);
    const release = await limiter.acquire(CALM);
    const controller = new AbortController();
    const gone = Array.from({ length: 3 }, () => rejection(limiter.acquire(controller.signal)));
    const next = limiter.acquire(CALM);
    controller.abort('enough');
    expect(await Promise.all(gone)).toEqual(['enough', 'enough', 'enough']);
    expect([limiter.active, limiter.waiting]).toEqual([1, 1]);
    release();
    (await next)();
    expect(limiter.active).toBe(0);
  });

  it('is not full for those who left, though the queue still has their places', async () => {
    const limiter = createLimiter(1);
    const release = await limiter.acquire(CALM);
    const controller = new AbortController();
    const gone = rejection(limiter.acquire(controller.signal));
    controller.abort('enough');
    release();
    expect(limiter.isFull).toBe(false);
    expect(await gone).toBe('enough');
    (await limiter.acquire(CALM))();
  });

  it('refuses an aborted signal without a place or a listener', async () => {
    const limiter = createLimiter(1);
    const signal = AbortSignal.abort('enough');
    const listeners = countListeners(signal);
    expect(await rejection(limiter.acquire(signal))).toBe('enough');
    expect(listeners.added).toBe(0);
    expect(limiter.active).toBe(0);
  });

  it('has no listener on the signal once the slot is there', async () => {
    const limiter = createLimiter(1);
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const release = await limiter.acquire(signal);
    const next = limiter.acquire(signal);
    expect(listeners.left).toBe(1);
    release();
    (await next)();
    expect(listeners.left).toBe(0);
  });

  it('forgets the work of those who left, and their signals, while the slot is still held', async () => {
    class Weight {}
    const limiter = createLimiter(1);
    const release = await limiter.acquire(CALM);
    const leave = async (): Promise<void> => {
      const left = Array.from({ length: 100 }, () => {
        const controller = new AbortController();
        Object.assign(controller.signal, { weight: new Weight() });
        const weight = new Weight();
        const outcome = rejection(limiter.run(controller.signal, async () => weight));
        controller.abort('enough');
        return outcome;
      });
      expect(new Set(await Promise.all(left))).toEqual(new Set(['enough']));
    };
    await leave();
    await turn();
    expect(Number(queryObjects(Weight, { format: 'count' }))).toBe(0);
    release();
    expect(limiter.active).toBe(0);
  });

  it('is a list of those who ask and a number of slots', async () => {
    const step = fc.record({
      kind: fc.constantFrom('acquire', 'acquire', 'release', 'abort', 'turn'),
      which: fc.nat(1_000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 60 }),
        async (capacity, steps) => {
          const limiter = createLimiter(capacity);
          const controllers: AbortController[] = [];
          const releases = new Map<number, () => void>();
          const granted: number[] = [];
          const settled: Promise<unknown>[] = [];
          // The model: who holds a slot, who waits, and who ever got one.
          const holders = new Set<number>();
          let queue: number[] = [];
          const expected: number[] = [];
          const grant = (): void => {
            while (holders.size < capacity && queue.length > 0) {
              const id = queue.shift()!;
              holders.add(id);
              expected.push(id);
            }
          };
          const act = (kind: string, which: number): void => {
            if (kind === 'acquire') {
              const id = controllers.length;
              const controller = new AbortController();
              controllers.push(controller);
              queue.push(id);
              const asked = limiter.acquire(controller.signal).then(
                (release) => {
                  granted.push(id);
                  releases.set(id, release);
                },
                () => {},
              );
              settled.push(asked);
            } else if (kind === 'release' && releases.size > 0) {
              // Any that ever was given, so also one that was given back.
              const id = [...releases.keys()][which % releases.size]!;
              holders.delete(id);
              releases.get(id)?.();
            } else if (kind === 'abort' && controllers.length > 0) {
              const id = which % controllers.length;
              queue = queue.filter((other) => other !== id);
              controllers[id]?.abort();
            }
          };
          for (const { kind, which } of steps) {
            act(kind, which);
            if (kind === 'turn') {
              await turn();
              grant();
              expect(granted).toEqual(expected);
            }
            const present = holders.size + queue.length;
            expect(limiter.active).toBe(Math.min(capacity, present));
            expect(limiter.waiting).toBe(present - Math.min(capacity, present));
            expect(limiter.isFull).toBe(present >= capacity);
          }
          for (let left = controllers.length; left > 0; left--) {
            await turn();
            for (const release of releases.values()) release();
          }
          await Promise.all(settled);
          expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** A signal of its own, as each operation has one. */
function freshSignal(): AbortSignal {
  return new AbortController().signal;
}
