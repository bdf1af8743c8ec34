import type { Clock } from '../kernel/clock.ts';

/** A clock that moves only when told to, timer by timer. */
export interface VirtualClock extends Clock {
  /** Timers waiting, those of the background included. */
  readonly pending: number;
  /** Those of them that were scheduled as `background`. */
  readonly pendingInBackground: number;
  /** Let promises settle, then run every timer due within `ms`, in order. */
  advance(ms: number): Promise<void>;
  /** Run timers until `work` settles. Fails if nothing is left that could settle it. */
  drive<T>(work: PromiseLike<T>): Promise<T>;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly isBackground: boolean;
  readonly callback: () => void;
}

/** Real macrotasks granted to the platform between timers: request and response bodies settle in them. */
const GRACE_TURNS = 4;

/** @param startMs - Wall time at the start. */
export function createVirtualClock(startMs = 1_700_000_000_000): VirtualClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let scheduled = 0;

  const earliest = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < GRACE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const fire = (timer: Timer): void => {
    timers.delete(timer);
    elapsed = Math.max(elapsed, timer.at);
    timer.callback();
  };

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    schedule(callback, ms, options) {
      const isBackground = options?.background === true;
      const timer = { at: elapsed + Math.max(0, ms), order: scheduled++, isBackground, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    get pending() {
      return timers.size;
    },
    get pendingInBackground() {
      return [...timers].filter((timer) => timer.isBackground).length;
    },
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let timer = earliest(); timer !== undefined && timer.at <= until; timer = earliest()) {
        fire(timer);
        await settle();
      }
      elapsed = until;
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
        const timer = earliest();
        idle = timer === undefined ? idle + 1 : 0;
        if (idle > 50) throw new Error('Nothing is left that could settle the promise');
        if (timer !== undefined) fire(timer);
      }
    },
  };
}
