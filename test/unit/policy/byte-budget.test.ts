import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { createByteBudget } from '../../../src/policy/byte-budget.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';
import { forbidTimers, microtasks } from '../../support/timers.ts';

const { signal: CALM } = new AbortController();

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A budget whose grants are written down by name. */
function recorded(capacity: number) {
  const budget = createByteBudget(capacity);
  const granted: string[] = [];
  const ask = async (name: string, bytes: number, signal: AbortSignal = CALM) => {
    const release = await budget.acquire(signal, bytes);
    granted.push(name);
    return release;
  };
  return { budget, granted, ask, gauges: () => [budget.used, budget.waiting, budget.isFull] };
}

describe('createByteBudget', () => {
  it('V4 acceptance 3: overdraws once, then waits until the balance is not negative', async () => {
    const { budget, granted, ask, gauges } = recorded(1_000);
    expect(budget.capacity).toBe(1_000);
    expect(gauges()).toEqual([0, 0, false]);
    const first = ask('500', 500);
    expect(gauges()).toEqual([500, 0, false]);
    const second = ask('600', 600);
    expect(gauges()).toEqual([1_100, 0, true]);
    const third = ask('100', 100);
    expect(gauges()).toEqual([1_100, 1, true]);
    await microtasks();
    expect(granted).toEqual(['500', '600']);
    (await first)();
    expect(gauges()).toEqual([700, 0, false]);
    await microtasks();
    expect(granted).toEqual(['500', '600', '100']);
    (await second)();
    (await third)();
    expect(gauges()).toEqual([0, 0, false]);
  });

  it('is not full while the balance is exactly nothing', async () => {
    const { ask, gauges } = recorded(1_000);
    const whole = await ask('whole', 1_000);
    expect(gauges()).toEqual([1_000, 0, false]);
    const one = await ask('one', 1);
    expect(gauges()).toEqual([1_001, 0, true]);
    one();
    expect(gauges()).toEqual([1_000, 0, false]);
    whole();
  });

  it.each([
    [1_000, ['a', 'b', 'next']],
    [1_001, ['a', 'b']],
  ])('lets the next go at a balance of nothing, not while a byte is missing: %i', async (kept, then) => {
    const { granted, ask } = recorded(1_000);
    const returned = await ask('a', 500);
    const held = await ask('b', kept);
    const next = ask('next', 1);
    returned();
    await microtasks();
    expect(granted).toEqual(then);
    held();
    (await next)();
  });

  it('grants what is larger than the budget, and makes all others wait for it', async () => {
    const { granted, ask, gauges } = recorded(10);
    const small = await ask('small', 10);
    const huge = await ask('huge', 1_000_000);
    const next = ask('next', 1);
    small();
    await microtasks();
    expect(granted).toEqual(['small', 'huge']);
    huge();
    (await next)();
    expect(gauges()).toEqual([0, 0, false]);
  });

  it('lets no small one overtake a large one', async () => {
    const { granted, ask } = recorded(10);
    const first = await ask('first', 11);
    const large = ask('large', 500);
    const small = ask('small', 1);
    const nothing = ask('nothing', 0);
    first();
    await microtasks();
    expect(granted).toEqual(['first', 'large']);
    (await large)();
    (await small)();
    (await nothing)();
    expect(granted).toEqual(['first', 'large', 'small', 'nothing']);
  });

  it('lets those who waited go before those who ask when there is room again', async () => {
    const { granted, ask } = recorded(10);
    const first = await ask('first', 11);
    const waited = ask('waited', 1);
    first();
    const late = ask('late', 1);
    (await waited)();
    (await late)();
    expect(granted).toEqual(['first', 'waited', 'late']);
  });

  it('lets one that need not wait go before one that asks after it and does', async () => {
    const { granted, ask } = recorded(10);
    const first = await ask('first', 5);
    const outcomes = [ask('finds room', 10), ask('waits', 1)];
    first();
    for (const release of await Promise.all(outcomes)) release();
    expect(granted).toEqual(['first', 'finds room', 'waits']);
  });

  it('grants at once to all that are next while there is room', async () => {
    const { granted, ask, gauges } = recorded(10);
    const first = await ask('first', 11);
    const others = ['a', 'b', 'c'].map((name) => ask(name, 5));
    first();
    expect(gauges()).toEqual([15, 0, true]);
    for (const release of await Promise.all(others)) release();
    expect(granted).toEqual(['first', 'a', 'b', 'c']);
  });

  it('takes a second release for none', async () => {
    const { budget, ask } = recorded(10);
    const [first, second] = await Promise.all([ask('first', 8), ask('second', 8)]);
    const third = ask('third', 8);
    first();
    first();
    expect([budget.used, budget.waiting]).toEqual([16, 0]);
    first();
    second();
    (await third)();
    expect(budget.used).toBe(0);
  });

  it('lets a waiter go at once when it aborts, with the reason itself and no listener left', async () => {
    const { budget, granted, ask, gauges } = recorded(10);
    const first = await ask('first', 11);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const reason = { why: 'enough' };
    const aborted = rejection(ask('aborted', 50, controller.signal));
    const next = ask('next', 5);
    controller.abort(reason);
    expect(gauges()).toEqual([11, 1, true]);
    expect(await aborted).toBe(reason);
    first();
    (await next)();
    expect(granted).toEqual(['first', 'next']);
    expect([budget.used, listeners.added, listeners.left]).toEqual([0, 1, 0]);
  });

  it('refuses an aborted signal without taking anything', async () => {
    const { budget } = recorded(10);
    expect(await rejection(budget.acquire(AbortSignal.abort('enough'), 5))).toBe('enough');
    expect([budget.used, budget.waiting]).toEqual([0, 0]);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s bytes', async (bytes) => {
    const { budget } = recorded(10);
    expect(await rejection(budget.acquire(CALM, bytes))).toMatchObject({
      code: 'input_invalid',
      message: expect.stringMatching(/^"bytes" must be an integer >= 0, got/),
    });
    expect(budget.used).toBe(0);
  });

  it.each([0, -5, 2.5, Number.NaN])('refuses a capacity of %s', (capacity) => {
    expect(thrown(() => createByteBudget(capacity))).toMatchObject({
      code: 'input_invalid',
      message: expect.stringMatching(/^"capacity" must be an integer >= 1, got/),
    });
  });

  it('makes ten thousand wait without a timer, half of them abort, and the rest go in order', async () => {
    forbidTimers();
    const random = seededRandom(11);
    const { budget, ask } = recorded(1_000);
    const first = await ask('first', 2_000);
    const order: number[] = [];
    const waiters = Array.from({ length: 10_000 }, (_, id) => {
      const controller = new AbortController();
      const listeners = countListeners(controller.signal);
      const take = async (): Promise<string> => {
        const release = await budget.acquire(controller.signal, 1 + Math.floor(random() * 500));
        order.push(id);
        release();
        return 'done';
      };
      return { id, controller, listeners, outcome: take().catch(String) };
    });
    const aborted = new Set<number>();
    while (aborted.size < 5_000) aborted.add(Math.floor(random() * 10_000));
    for (const id of aborted) waiters[id]?.controller.abort('aborted');
    expect(budget.waiting).toBe(5_000);
    first();
    const outcomes = await Promise.all(waiters.map(({ outcome }) => outcome));
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(5_000);
    expect(order).toEqual(waiters.map(({ id }) => id).filter((id) => !aborted.has(id)));
    expect([budget.used, budget.waiting]).toEqual([0, 0]);
    expect(waiters.filter(({ listeners }) => listeners.left > 0)).toEqual([]);
  });

  it('keeps as many bytes in flight as it may: throughput is capacity by latency', async () => {
    const clock = createVirtualClock({ graceTurns: 1 });
    const budget = createByteBudget(1_000);
    const send = async (): Promise<void> => {
      const release = await budget.acquire(new AbortController().signal, 100);
      await sleep(clock, 50);
      release();
    };
    await clock.drive(Promise.all(Array.from({ length: 2_200 }, send)));
    // Eleven at once: ten fill the budget, and one more is granted at a balance of nothing.
    const ratio = 2_200 / clock.monotonic() / (11 / 50);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.02);
    expect(clock.pending).toBe(0);
  });

  it('is a balance and a list of those who wait', async () => {
    const step = fc.record({
      kind: fc.constantFrom('acquire', 'acquire', 'release', 'abort', 'turn'),
      which: fc.nat(1_000),
      bytes: fc.oneof(fc.nat(20), fc.nat(200)),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(step, { maxLength: 60 }),
        async (capacity, steps) => {
          const budget = createByteBudget(capacity);
          const controllers: AbortController[] = [];
          const listeners: { readonly left: number }[] = [];
          const releases = new Map<number, () => void>();
          const granted: number[] = [];
          const settled: Promise<unknown>[] = [];
          // The model: who holds how much, and who waits. Whoever is granted is, whether it has heard of it or not.
          const holders = new Map<number, number>();
          let queue: { id: number; bytes: number }[] = [];
          const expected: number[] = [];
          const balance = () => [...holders.values()].reduce((left, bytes) => left - bytes, capacity);
          const grant = (): void => {
            while (balance() >= 0 && queue.length > 0) {
              const { id, bytes } = queue.shift()!;
              holders.set(id, bytes);
              expected.push(id);
            }
          };
          const act = (kind: string, which: number, bytes: number): void => {
            if (kind === 'acquire') {
              const id = controllers.length;
              const controller = new AbortController();
              controllers.push(controller);
              listeners.push(countListeners(controller.signal));
              queue.push({ id, bytes });
              const asked = budget.acquire(controller.signal, bytes).then(
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
              queue = queue.filter((other) => other.id !== id);
              controllers[id]?.abort();
            }
          };
          for (const { kind, which, bytes } of steps) {
            act(kind, which, bytes);
            grant();
            if (kind === 'turn') {
              await microtasks();
              expect(granted).toEqual(expected);
            }
            expect(budget.used).toBe(capacity - balance());
            expect(budget.waiting).toBe(queue.length);
            expect(budget.isFull).toBe(balance() < 0);
          }
          for (let left = controllers.length; left > 0; left--) {
            await microtasks();
            for (const release of releases.values()) release();
          }
          await Promise.all(settled);
          expect([budget.used, budget.waiting]).toEqual([0, 0]);
          expect(listeners.map(({ left }) => left)).toEqual(controllers.map(() => 0));
        },
      ),
      { numRuns: 300 },
    );
  });
});
