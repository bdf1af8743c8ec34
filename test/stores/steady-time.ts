import type { Clock, Storage } from 'isotinker';
import { createVirtualClock } from 'isotinker/testing';

/** Virtual time that waits for a real store: it passes only while no call of the store is under way. */
export interface SteadyTime {
  readonly clock: Clock;
  /** Timers that wait. */
  readonly pending: number;
  /** The same store, waited for. */
  watch(storage: Storage): Storage;
  /** Let time pass until the work is over. */
  drive<T>(work: Promise<T>): Promise<T>;
  /** Let so much time pass. */
  advance(ms: number): Promise<void>;
}

/** Real turns of the event loop after something happened: what needs no time comes to its end in them. */
const TURNS = 15;
/** And after a time in which no timer went off. */
const IDLE_TURNS = 2;
/** The most that passes at once, in milliseconds: much less than a client's patience with a store. */
const STEP_MS = 500;

/** Virtual time for a page, which starts at the same moment in each. */
export function createSteadyTime(): SteadyTime {
  // Its turns are real timers, which browsers make last some milliseconds each.
  const virtual = createVirtualClock({ graceTurns: 1 });
  const underWay = new Set<Promise<unknown>>();
  const timers = new Set<{ readonly at: number }>();
  /** Turns to take before more time passes. */
  let turns = TURNS;

  const clock: Clock = {
    now: () => virtual.now(),
    monotonic: () => virtual.monotonic(),
    schedule(callback, ms, options) {
      const timer = { at: virtual.monotonic() + Math.max(0, ms) };
      timers.add(timer);
      const cancel = virtual.schedule(
        () => {
          timers.delete(timer);
          turns = TURNS;
          callback();
        },
        ms,
        options,
      );
      return () => {
        timers.delete(timer);
        cancel();
      };
    },
  };

  function watched<T>(work: Promise<T>): Promise<T> {
    underWay.add(work);
    const end = (): void => void underWay.delete(work);
    work.then(end, end);
    return work;
  }

  /** Whatever goes on without time, and the store, comes to rest. */
  async function rest(isOver: () => boolean): Promise<void> {
    while (turns > 0 && !isOver()) {
      turns -= 1;
      await virtual.advance(0);
      if (underWay.size === 0) continue;
      await Promise.allSettled(underWay);
      turns = TURNS;
    }
  }

  /** @returns how much passed: until the next timer, if it is near. */
  async function step(mostMs: number): Promise<number> {
    const next = Math.min(...[...timers].map(({ at }) => at - virtual.monotonic()));
    const ms = Math.max(0, Math.min(mostMs, STEP_MS, next));
    turns = Math.max(turns, IDLE_TURNS);
    await virtual.advance(ms);
    return ms;
  }

  return {
    clock,
    get pending() {
      return virtual.pending;
    },
    watch(storage) {
      const update = storage.update?.bind(storage);
      return {
        get: (key) => watched(storage.get(key)),
        set: (key, value, options) => watched(storage.set(key, value, options)),
        delete: (key) => watched(storage.delete(key)),
        ...(update && { update: (key, change, options) => watched(update(key, change, options)) }),
      };
    },
    async drive(work) {
      turns = TURNS;
      let isOver = false;
      const end = (): void => {
        isOver = true;
      };
      work.then(end, end);
      for (;;) {
        await rest(() => isOver);
        if (isOver) return work;
        await step(STEP_MS);
      }
    },
    async advance(ms) {
      turns = TURNS;
      await rest(() => false);
      for (let left = ms; left > 0; ) {
        left -= await step(left);
        await rest(() => false);
      }
    },
  };
}
