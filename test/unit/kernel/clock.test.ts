import { afterEach, describe, expect, it } from 'vitest';
import { MAX_TIMER_MS, plainClock, systemClock, wallTime } from '../../../src/kernel/clock.ts';

interface FakeTimer {
  readonly callback: () => void;
  readonly ms: number;
  unrefs: number;
  cleared: boolean;
}

const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;
const realSetImmediate = globalThis.setImmediate;
afterEach(() => {
  globalThis.setTimeout = realSetTimeout;
  globalThis.clearTimeout = realClearTimeout;
  globalThis.setImmediate = realSetImmediate;
  Reflect.deleteProperty(globalThis, 'Deno');
});

/** Put recording timers in the platform's place. `handle` makes what `setTimeout` returns. */
function recordTimers(handle: (timer: FakeTimer) => unknown): FakeTimer[] {
  const timers: FakeTimer[] = [];
  const handles = new Map<unknown, FakeTimer>();
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    const timer: FakeTimer = { callback, ms, unrefs: 0, cleared: false };
    timers.push(timer);
    const given = handle(timer);
    handles.set(given, timer);
    return given;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((given: unknown) => {
    const timer = handles.get(given);
    if (timer !== undefined) timer.cleared = true;
  }) as typeof clearTimeout;
  return timers;
}

/** Like Node's and Bun's. */
const nodeHandle = (timer: FakeTimer) => ({
  unref() {
    timer.unrefs += 1;
  },
});

describe('wallTime and plainClock', () => {
  it('read the platform’s clocks', () => {
    const before = Date.now();
    for (const { now } of [wallTime, plainClock]) {
      expect(now()).toBeGreaterThanOrEqual(before);
      expect(now()).toBeLessThanOrEqual(Date.now());
    }
    const start = performance.now();
    expect(plainClock.monotonic()).toBeGreaterThanOrEqual(start);
    expect(plainClock.monotonic()).toBeLessThanOrEqual(performance.now());
  });

  it('run a callback once, after the time asked for, and keep the process until then', () => {
    const timers = recordTimers(nodeHandle);
    let runs = 0;
    plainClock.schedule(() => runs++, 25);
    const cancel = plainClock.schedule(() => runs++, 50);
    cancel();
    timers[0]?.callback();
    expect(runs).toBe(1);
    expect(timers).toMatchObject([
      { ms: 25, unrefs: 0, cleared: false },
      { ms: 50, unrefs: 0, cleared: true },
    ]);
  });
});

describe('systemClock', () => {
  it('reads the platform’s clocks', () => {
    const before = Date.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.monotonic()).toBeLessThanOrEqual(performance.now());
  });

  it('runs a callback once, after the time asked for', () => {
    const timers = recordTimers(nodeHandle);
    let runs = 0;
    systemClock.schedule(() => runs++, 25);
    expect(timers.map(({ ms }) => ms)).toEqual([25]);
    timers[0]?.callback();
    expect(runs).toBe(1);
    expect(timers).toHaveLength(1);
  });

  it('takes a negative time for none, and a timer for that where there are no immediates', () => {
    Reflect.deleteProperty(globalThis, 'setImmediate');
    const timers = recordTimers((timer) => timer);
    systemClock.schedule(() => {}, -5);
    systemClock.schedule(() => {}, 0);
    expect(timers.map(({ ms }) => ms)).toEqual([0, 0]);
  });

  it('waits no time at all with an immediate, which lets sockets and signals have their turn', () => {
    const immediates: (() => void)[] = [];
    globalThis.setImmediate = ((callback: () => void) =>
      immediates.push(callback)) as unknown as typeof setImmediate;
    const timers = recordTimers((timer) => timer);
    const ran: string[] = [];
    systemClock.schedule(() => ran.push('zero'), 0);
    systemClock.schedule(() => ran.push('negative'), -1);
    const cancel = systemClock.schedule(() => ran.push('cancelled'), 0);
    systemClock.schedule(() => ran.push('timer'), 0.5);
    cancel();
    expect(ran).toEqual([]);
    for (const run of immediates) run();
    expect(ran).toEqual(['zero', 'negative']);
    expect(timers.map(({ ms }) => ms)).toEqual([0.5]);
  });

  it('cuts a wait above the longest timer into legs', () => {
    const timers = recordTimers(nodeHandle);
    let runs = 0;
    systemClock.schedule(() => runs++, 2 * MAX_TIMER_MS + 7);
    for (let leg = 0; leg < timers.length; leg++) {
      expect(runs).toBe(0);
      timers[leg]?.callback();
    }
    expect(timers.map(({ ms }) => ms)).toEqual([MAX_TIMER_MS, MAX_TIMER_MS, 7]);
    expect(runs).toBe(1);
  });

  it('does not add a leg to a wait of exactly the longest timer', () => {
    const timers = recordTimers(nodeHandle);
    let runs = 0;
    systemClock.schedule(() => runs++, MAX_TIMER_MS);
    timers[0]?.callback();
    expect(runs).toBe(1);
    expect(timers).toHaveLength(1);
  });

  it('cancels whichever leg is under way', () => {
    const timers = recordTimers(nodeHandle);
    let runs = 0;
    const cancel = systemClock.schedule(() => runs++, MAX_TIMER_MS + 1);
    timers[0]?.callback();
    cancel();
    expect(timers.map(({ cleared }) => cleared)).toEqual([false, true]);
    // A platform may still deliver a timer that was due when it was cleared.
    timers[1]?.callback();
    expect(runs).toBe(0);
    expect(timers).toHaveLength(2);
  });

  it('detaches background timers, every leg of them, and no others', () => {
    const timers = recordTimers(nodeHandle);
    systemClock.schedule(() => {}, MAX_TIMER_MS + 1, { background: true });
    timers[0]?.callback();
    systemClock.schedule(() => {}, 1);
    systemClock.schedule(() => {}, 1, { background: false });
    expect(timers.map(({ unrefs }) => unrefs)).toEqual([1, 1, 0, 0]);
  });

  it('detaches numeric timers through Deno where there is one', () => {
    const detached: unknown[] = [];
    Object.assign(globalThis, { Deno: { unrefTimer: (id: unknown) => detached.push(id) } });
    recordTimers(() => 7);
    systemClock.schedule(() => {}, 1, { background: true });
    expect(detached).toEqual([7]);
  });

  it('needs no notion of detaching, as in a browser', () => {
    const timers = recordTimers(() => 7);
    systemClock.schedule(() => {}, 1, { background: true })();
    expect(timers.map(({ cleared }) => cleared)).toEqual([true]);
  });
});
