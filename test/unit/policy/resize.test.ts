import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { createBillingPause } from '../../../src/policy/billing-pause.ts';
import { createByteBudget } from '../../../src/policy/byte-budget.ts';
import { createLimiter } from '../../../src/policy/limiter.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';
import { microtasks } from '../../support/timers.ts';

const calm = (): AbortSignal => new AbortController().signal;
/** Notes who is let in, and hands the release on. */
const noting =
  <T>(list: T[], id: T) =>
  (release: () => void): (() => void) => {
    list.push(id);
    return release;
  };

describe('a limiter whose capacity changes', () => {
  it('lets in who waits, in order, when there is more', async () => {
    const limiter = createLimiter(1);
    const admitted: number[] = [];
    const slots = [1, 2, 3, 4].map((id) => limiter.acquire(calm()).then(noting(admitted, id)));
    await microtasks();
    expect([admitted, limiter.active, limiter.waiting, limiter.isFull]).toEqual([[1], 1, 3, true]);
    limiter.resize(3);
    expect(limiter.capacity).toBe(3);
    await microtasks();
    expect([admitted, limiter.active, limiter.waiting]).toEqual([[1, 2, 3], 3, 1]);
    limiter.resize(10);
    expect([limiter.active, limiter.waiting, limiter.isFull]).toEqual([4, 0, false]);
    for (const slot of slots) (await slot)();
    expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
  });

  it('leaves what is taken when there is less, and counts it as taken, not as waiting', async () => {
    const limiter = createLimiter(4);
    const releases = await Promise.all([1, 2, 3].map(() => limiter.acquire(calm())));
    limiter.resize(1);
    expect([limiter.active, limiter.waiting, limiter.isFull, limiter.capacity]).toEqual([3, 0, true, 1]);
    let isIn = false;
    const next = limiter.acquire(calm()).then((release) => {
      isIn = true;
      return release;
    });
    await microtasks();
    expect([limiter.active, limiter.waiting]).toEqual([3, 1]);
    releases[0]?.();
    releases[1]?.();
    await microtasks();
    expect([isIn, limiter.active, limiter.waiting]).toEqual([false, 1, 1]);
    releases[2]?.();
    (await next)();
    expect([isIn, limiter.active, limiter.waiting]).toEqual([true, 0, 0]);
  });

  it('counts right while work runs, too', async () => {
    const limiter = createLimiter(3);
    let finish = (): void => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const work = [1, 2, 3].map(() => limiter.run(calm(), () => gate));
    await microtasks();
    limiter.resize(2);
    const controller = new AbortController();
    const waiting = rejection(limiter.run(controller.signal, () => gate));
    await microtasks();
    expect([limiter.active, limiter.waiting]).toEqual([3, 1]);
    controller.abort('enough');
    expect(await waiting).toBe('enough');
    expect([limiter.active, limiter.waiting]).toEqual([3, 0]);
    finish();
    await Promise.all(work);
    expect([limiter.active, limiter.waiting, limiter.isFull]).toEqual([0, 0, false]);
  });

  it('keeps order, never lets in more than it has, and comes to rest, however often it changes', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('acquire' as const) }),
      fc.record({ kind: fc.constant('release' as const) }),
      fc.record({ kind: fc.constant('abort' as const), index: fc.nat(9) }),
      fc.record({ kind: fc.constant('resize' as const), capacity: fc.integer({ min: 1, max: 6 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const limiter = createLimiter(2);
        const held: (() => void)[] = [];
        const waiting: { readonly id: number; readonly controller: AbortController }[] = [];
        let asked = 0;
        for (const one of steps) {
          const room = limiter.capacity - held.length;
          if (one.kind === 'resize') limiter.resize(one.capacity);
          if (one.kind === 'release') held.shift()?.();
          if (one.kind === 'abort') waiting[one.index]?.controller.abort('enough');
          if (one.kind === 'acquire') {
            const place = { id: ++asked, controller: new AbortController() };
            waiting.push(place);
            const leave = (): number => waiting.splice(waiting.indexOf(place), 1).length;
            limiter.acquire(place.controller.signal).then((release) => {
              // Nobody overtakes.
              expect(waiting[0]).toBe(place);
              leave();
              held.push(release);
            }, leave);
          }
          await microtasks();
          if (room <= 0 && one.kind === 'acquire') expect(waiting.at(-1)?.id).toBe(asked);
          expect([limiter.active, limiter.waiting]).toEqual([held.length, waiting.length]);
          expect(waiting.length === 0 || held.length >= limiter.capacity).toBe(true);
        }
        while (held.length > 0) {
          held.shift()?.();
          await microtasks();
        }
        expect([limiter.active, limiter.waiting]).toEqual([0, 0]);
      }),
    );
  });
});

describe('a budget of bytes whose capacity changes', () => {
  it('lets in who waits when there is more, and nobody when there is still too little', async () => {
    const budget = createByteBudget(10);
    const first = await budget.acquire(calm(), 30);
    const order: string[] = [];
    const second = budget.acquire(calm(), 5).then(noting(order, 'second'));
    const third = budget.acquire(calm(), 5).then(noting(order, 'third'));
    budget.resize(29);
    await microtasks();
    expect([order, budget.used, budget.waiting, budget.capacity]).toEqual([[], 30, 2, 29]);
    budget.resize(30);
    await microtasks();
    // One byte over: the balance may be overdrawn once.
    expect([order, budget.used, budget.waiting]).toEqual([['second'], 35, 1]);
    budget.resize(100);
    await microtasks();
    expect([order, budget.used, budget.isFull]).toEqual([['second', 'third'], 40, false]);
    for (const release of [first, await second, await third]) release();
    expect(budget.used).toBe(0);
  });

  it('leaves what is taken when there is less', async () => {
    const budget = createByteBudget(100);
    const release = await budget.acquire(calm(), 50);
    budget.resize(10);
    expect([budget.used, budget.isFull, budget.capacity]).toEqual([50, true, 10]);
    release();
    expect([budget.used, budget.isFull]).toEqual([0, false]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('cannot have %s', (capacity) => {
    const budget = createByteBudget(10);
    expect(thrown(() => budget.resize(capacity))).toMatchObject({ field: 'capacity' });
    expect(budget.capacity).toBe(10);
  });
});

describe('a pause for payment whose limit changes', () => {
  function setUp(maxPauseMs?: number) {
    const clock = createVirtualClock();
    const events: TinkerEvent[] = [];
    const billing = createBillingPause({ clock, emit: (event) => events.push(event), maxPauseMs });
    return { clock, events, billing };
  }

  it('goes on for as long as the new limit says, of an incident that has begun, too', async () => {
    const { clock, billing } = setUp();
    expect(billing.heard('pay')).toBe(true);
    await clock.advance(100_000);
    billing.limitTo(100_000);
    expect(billing.heard('pay')).toBe(true);
    await clock.advance(1);
    expect(billing.heard('pay')).toBe(false);
    billing.limitTo(200_000);
    expect(billing.heard('pay')).toBe(true);
  });

  it('may be none at all', () => {
    const { billing, events } = setUp();
    billing.limitTo(0);
    expect([billing.heard('pay'), events]).toEqual([false, []]);
  });
});
