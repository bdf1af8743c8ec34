import { checkFinite, checkInteger, show } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { IDLE_ROUNDS, idlePause, realTurns } from './real-turns.ts';
import { createTimerHeap, type HeapTimer } from './timer-heap.ts';

/** Settings of a {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** Wall time at the start, in milliseconds since the Unix epoch. @default 1_700_000_000_000 */
  readonly startMs?: number | undefined;
  /**
   * Real macrotasks granted to the platform between timers, at least 1: the bodies of requests and responses settle
   * in them. Promises alone need one; browsers need about 10 where bodies are read. @default 4
   */
  readonly graceTurns?: number | undefined;
}

/** A clock that moves only when told to, timer by timer. */
export interface VirtualClock extends Clock {
  /** Timers waiting, those of the background included. */
  readonly pending: number;
  /** Those of them that were scheduled as `background`. */
  readonly pendingInBackground: number;
  /** Let promises settle, then run every timer due within `ms`, in order. @throws TinkerInputError - for less than 0. */
  advance(ms: number): Promise<void>;
  /** Run timers until `work` settles. Fails if nothing is left that could settle it. */
  drive<T>(work: PromiseLike<T>): Promise<T>;
  /** Set wall time forward or back by `ms`, as a user or a time server does; durations and timers do not notice. */
  jumpWall(ms: number): void;
  /**
   * Let `ms` pass in which no timer runs, as in a frozen page or a sleeping laptop. What has come due meanwhile runs
   * late, with the next {@link VirtualClock.advance} or {@link VirtualClock.drive}. @throws TinkerInputError - for less than 0.
   */
  freeze(ms: number): void;
}

/**
 * A clock on which hours take milliseconds: hand it to the code under test as its `clock`, then {@link
 * VirtualClock.drive} or {@link VirtualClock.advance} it. A healthy test ends with `pending` at 0.
 *
 * @param options - Or only the wall time at the start, in milliseconds.
 * @throws TinkerInputError - for an option that cannot be right.
 */
export function createVirtualClock(options: VirtualClockOptions | number = {}): VirtualClock {
  const { startMs = 1_700_000_000_000, graceTurns = 4 } =
    typeof options === 'number' ? { startMs: options } : options;
  checkFinite('startMs', startMs);
  checkInteger('graceTurns', graceTurns, { min: 1 });
  return createSettlingClock(startMs, () => realTurns(graceTurns));
}

/** The same for who knows what the platform is at. @param settle - Ends when nothing moves but with time. */
export function createSettlingClock(startMs: number, settle: () => Promise<void>): VirtualClock {
  const timers = createTimerHeap();
  let background = 0;
  let elapsed = 0;
  let skew = 0;
  let scheduled = 0;

  const drop = (timer: HeapTimer): void => {
    if (timers.remove(timer) && timer.isBackground) background -= 1;
  };
  const fire = (timer: HeapTimer): void => {
    drop(timer);
    elapsed = Math.max(elapsed, timer.at);
    timer.callback();
  };
  /** The next timer that comes at all: one scheduled for `Infinity` does not. */
  const due = (until = Number.MAX_VALUE): HeapTimer | undefined => {
    const timer = timers.first();
    return timer !== undefined && timer.at <= until ? timer : undefined;
  };

  return {
    now: () => startMs + elapsed + skew,
    monotonic: () => elapsed,
    schedule(callback, ms, scheduleOptions) {
      if (Number.isNaN(ms)) throw new TinkerInputError('ms', `must be a number, got ${show(ms)}`);
      const isBackground = scheduleOptions?.background === true;
      const timer = { at: elapsed + Math.max(0, ms), order: scheduled++, isBackground, callback };
      timers.add(timer);
      if (isBackground) background += 1;
      return () => drop(timer);
    },
    get pending() {
      return timers.size;
    },
    get pendingInBackground() {
      return background;
    },
    async advance(ms) {
      const until = elapsed + checkFinite('ms', ms, { min: 0 });
      await settle();
      for (let timer = due(until); timer !== undefined; timer = due(until)) {
        fire(timer);
        await settle();
      }
      elapsed = Math.max(elapsed, until);
    },
    async drive(work) {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      work.then(settled, settled);
      for (let idle = 0; ; ) {
        await settle();
        if (isSettled) return work;
        const timer = due();
        idle = timer === undefined ? idle + 1 : 0;
        if (idle > IDLE_ROUNDS) throw new Error('Nothing is left that could settle the promise');
        if (timer !== undefined) fire(timer);
        await idlePause(idle);
      }
    },
    jumpWall(ms) {
      skew += checkFinite('ms', ms);
    },
    freeze(ms) {
      elapsed += checkFinite('ms', ms, { min: 0 });
    },
  };
}
