import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const wait = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.schedule(resolve, ms);
  });

describe('createVirtualClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = createVirtualClock(5_000);
    let fired = false;
    clock.schedule(() => {
      fired = true;
    }, 10);
    await turn();
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_000, 0, false]);
    await clock.advance(9);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_009, 9, false]);
    await clock.advance(1);
    expect([clock.now(), fired, clock.pending]).toEqual([5_010, true, 0]);
  });

  it('starts when it is told to, else in 2023', () => {
    expect(createVirtualClock().now()).toBe(1_700_000_000_000);
    expect(createVirtualClock({ startMs: 7 }).now()).toBe(7);
    expect(createVirtualClock({ graceTurns: 2 }).now()).toBe(1_700_000_000_000);
  });

  it('runs timers by time, and those of one time in the order they were made', async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    const at = (name: string, ms: number) =>
      clock.schedule(() => order.push(`${name} ${clock.monotonic()}`), ms);
    at('late', 20);
    at('first', 10);
    at('second', 10);
    at('none', 0);
    at('negative', -5);
    await clock.advance(100);
    expect(order).toEqual(['none 0', 'negative 0', 'first 10', 'second 10', 'late 20']);
    expect(clock.monotonic()).toBe(100);
  });

  it('runs timers that timers make, if they are due', async () => {
    const clock = createVirtualClock();
    const at: number[] = [];
    const again = (): void => {
      at.push(clock.monotonic());
      clock.schedule(again, 10);
    };
    clock.schedule(again, 10);
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(1);
  });

  it('runs timers as a list sorted by time would, cancelled ones left out', async () => {
    const timers = fc.array(fc.record({ ms: fc.nat(30), isCancelled: fc.boolean() }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(timers, fc.nat(30), async (plan, ms) => {
        const clock = createVirtualClock({ graceTurns: 1 });
        const ran: (readonly number[])[] = [];
        for (const [index, one] of plan.entries()) {
          const cancel = clock.schedule(() => ran.push([clock.monotonic(), index]), one.ms);
          if (one.isCancelled) cancel();
        }
        await clock.advance(ms);
        const kept = [...plan.entries()].filter(([, { isCancelled }]) => !isCancelled);
        const due = kept.filter(([, one]) => one.ms <= ms).map(([index, one]) => [one.ms, index]);
        expect(ran).toEqual(due.sort(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j));
        expect([clock.pending, clock.monotonic()]).toEqual([kept.length - due.length, ms]);
      }),
      { numRuns: 50 },
    );
  });

  it('lets promises settle before it moves, and between timers, however many hang on each other', async () => {
    const clock = createVirtualClock({ graceTurns: 1 });
    const seen: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let link = 0; link < 1_000; link++) await undefined;
      seen.push(`${name} at ${clock.monotonic()}`);
      if (name === 'first') clock.schedule(() => void chain('nested'), 5);
    };
    void chain('first');
    clock.schedule(() => void chain('second'), 3);
    clock.schedule(() => seen.push('last'), 6);
    await clock.advance(6);
    expect(seen).toEqual(['first at 0', 'second at 3', 'nested at 5', 'last']);
  });

  it('forgets a cancelled timer, and counts those of the background', async () => {
    const clock = createVirtualClock();
    const cancel = clock.schedule(() => expect.unreachable(), 1, { background: true });
    clock.schedule(() => {}, 1);
    expect([clock.pending, clock.pendingInBackground]).toEqual([2, 1]);
    cancel();
    cancel();
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 0]);
    const late = clock.schedule(() => {}, 1, { background: true });
    await clock.advance(1);
    expect([clock.pending, clock.pendingInBackground]).toEqual([0, 0]);
    late();
    expect([clock.pending, clock.pendingInBackground]).toEqual([0, 0]);
  });

  it('drives a promise over as many timers as it takes, and no further', async () => {
    const clock = createVirtualClock();
    const work = wait(clock, 1_000).then(() => wait(clock, 500));
    clock.schedule(() => expect.unreachable(), 2_000);
    await clock.drive(work);
    expect(clock.monotonic()).toBe(1_500);
    expect(clock.pending).toBe(1);
  });

  it('hands on what the promise it drives settles with', async () => {
    const clock = createVirtualClock();
    expect(await clock.drive(wait(clock, 5).then(() => 'value'))).toBe('value');
    const error = new Error('no');
    expect(await rejection(clock.drive(wait(clock, 5).then(() => Promise.reject(error))))).toBe(error);
  });

  it.each([
    ['nothing waits', () => {}],
    ['a timer never comes', (clock: VirtualClock) => void clock.schedule(() => {}, Number.POSITIVE_INFINITY)],
  ])('says so where nothing is left that could settle a promise: %s', async (_, prepare) => {
    const clock = createVirtualClock();
    prepare(clock);
    expect(await rejection(clock.drive(new Promise(() => {})))).toMatchObject({
      message: 'Nothing is left that could settle the promise',
    });
    expect(clock.monotonic()).toBe(0);
  });

  it('waits for what the platform does meanwhile, before it says that nothing is left', async () => {
    const clock = createVirtualClock();
    const work = (async () => {
      for (let turns = 0; turns < 100; turns++) await turn();
      return 'after 100 turns';
    })();
    expect(await clock.drive(work)).toBe('after 100 turns');
  });

  it('jumps in wall time alone: timers and durations do not notice', async () => {
    const clock = createVirtualClock(1_000_000);
    let firedAt: number | undefined;
    clock.schedule(() => {
      firedAt = clock.monotonic();
    }, 100);
    clock.jumpWall(3_600_000);
    expect([clock.now(), clock.monotonic()]).toEqual([4_600_000, 0]);
    await clock.advance(99);
    expect(firedAt).toBeUndefined();
    clock.jumpWall(-7_200_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000_000 - 3_600_000 + 99, 99]);
    await clock.advance(1);
    expect([firedAt, clock.now()]).toEqual([100, 1_000_000 - 3_600_000 + 100]);
  });

  it('never goes back, though two move it at once', async () => {
    const clock = createVirtualClock();
    const seen: number[] = [];
    for (const ms of [1, 2]) clock.schedule(() => seen.push(clock.monotonic()), ms);
    // The first is through before the second.
    await Promise.all([clock.advance(30), clock.advance(5)]);
    expect([seen, clock.monotonic()]).toEqual([[1, 2], 30]);
  });

  it('hands on what a timer throws, and goes on with the next', async () => {
    const clock = createVirtualClock();
    const error = new Error('bug');
    clock.schedule(() => {
      throw error;
    }, 1);
    clock.schedule(() => {}, 2);
    expect(await rejection(clock.advance(5))).toBe(error);
    await clock.advance(5);
    expect(clock.pending).toBe(0);
  });

  it('makes nothing of fifty thousand timers', async () => {
    const clock = createVirtualClock({ graceTurns: 1 });
    const cancels = Array.from({ length: 50_000 }, (_, i) =>
      clock.schedule(() => expect.unreachable(), 1 + ((i * 7_919) % 50_000)),
    );
    let last = 0;
    for (let i = 0; i < 1_000; i++) {
      clock.schedule(
        () => {
          expect(clock.monotonic()).toBeGreaterThanOrEqual(last);
          last = clock.monotonic();
        },
        (i * 7_919) % 50_000,
      );
    }
    for (const cancel of cancels) cancel();
    expect(clock.pending).toBe(1_000);
    await clock.advance(50_000);
    expect(clock.pending).toBe(0);
    expect(last).toBeGreaterThan(49_000);
  });

  it.each<readonly [string, (clock: VirtualClock) => unknown]>([
    ['startMs', () => createVirtualClock({ startMs: Number.NaN })],
    ['startMs', () => createVirtualClock(Number.POSITIVE_INFINITY)],
    ['graceTurns', () => createVirtualClock({ graceTurns: 0 })],
    ['graceTurns', () => createVirtualClock({ graceTurns: 1.5 })],
    ['ms', (clock) => clock.schedule(() => {}, Number.NaN)],
    ['ms', (clock) => clock.jumpWall(Number.NaN)],
  ])('refuses a %s that cannot be right', (field, work) => {
    const error = thrown(() => work(createVirtualClock()));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe(field);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to advance by %s', async (ms) => {
    const clock = createVirtualClock();
    const error = await rejection(clock.advance(ms));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe('ms');
    expect(clock.monotonic()).toBe(0);
  });
});

describe('the turns of the platform', () => {
  const real = { setImmediate: globalThis.setImmediate, setTimeout: globalThis.setTimeout };
  afterEach(() => void Object.assign(globalThis, real));

  it.each([
    [undefined, 4],
    [1, 1],
    [9, 9],
  ])('with graceTurns %s, are %s before a timer and after it', async (graceTurns, expected) => {
    const clock = createVirtualClock({ graceTurns });
    let turns = 0;
    const at: number[] = [];
    clock.schedule(() => at.push(turns), 1);
    globalThis.setImmediate = ((callback: () => void) => {
      turns += 1;
      return real.setImmediate(callback);
    }) as typeof setImmediate;
    await clock.advance(1);
    expect([at, turns]).toEqual([[expected], 2 * expected]);
  });

  it('are many before nothing is left, and the later ones take time, which other threads have then', async () => {
    const clock = createVirtualClock();
    let turns = 0;
    const pauses: number[] = [];
    globalThis.setImmediate = ((callback: () => void) => {
      turns += 1;
      return real.setImmediate(callback);
    }) as typeof setImmediate;
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      pauses.push(ms);
      return real.setImmediate(callback);
    }) as unknown as typeof setTimeout;
    expect(await rejection(clock.drive(new Promise(() => {})))).toBeInstanceOf(Error);
    expect([turns, pauses]).toEqual([51 * 4, Array(40).fill(1)]);
  });

  it('are timers of no time where there are no immediates, as in a browser', async () => {
    const clock = createVirtualClock();
    let timers = 0;
    Reflect.deleteProperty(globalThis, 'setImmediate');
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      timers += 1;
      expect(ms).toBe(0);
      return real.setTimeout(callback, ms);
    }) as typeof setTimeout;
    await clock.drive(wait(clock, 3_600_000));
    expect([timers, clock.monotonic()]).toEqual([8, 3_600_000]);
  });

  it('runs timers late that came due while it was frozen, each once', async () => {
    const clock = createVirtualClock(0);
    const at: number[] = [];
    const again = (): void => {
      at.push(clock.monotonic());
      clock.schedule(again, 10);
    };
    clock.schedule(again, 10);
    clock.schedule(() => at.push(-clock.monotonic()), 25);
    clock.freeze(100);
    expect([clock.now(), clock.monotonic(), at]).toEqual([100, 100, []]);
    await clock.advance(0);
    expect(at).toEqual([100, -100]);
    await clock.advance(10);
    expect(at).toEqual([100, -100, 110]);
    expect(() => clock.freeze(-1)).toThrow('"ms" must be a finite number >= 0, got -1');
  });
});
