import { type LinkedAbort, linkInner, raceAbort } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerTimeoutError } from '../kernel/errors.ts';

/** What {@link createProgressWatch} needs. */
export interface ProgressWatchOptions {
  readonly clock: Clock;
  /** How long none may succeed before all count as stuck, in milliseconds. @default 7_200_000 */
  readonly limitMs?: number | undefined;
}

/** Notices when of many pieces of work none gets done any more. */
export interface ProgressWatch {
  /**
   * Do `work` under the watch. Each success is progress for all; a failure is none. The caller's abort and the watch
   * both abort the signal handed to `work`, which is not waited for then.
   *
   * @throws TinkerTimeoutError - scope `progress`, when nothing has succeeded for the limit.
   */
  run<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Pieces of work under way. */
  readonly running: number;
}

/**
 * Stuck detection (protocol 5.8) with one background timer for all, and none while nothing runs. Time without work does
 * not count.
 */
export function createProgressWatch({ clock, limitMs = 7_200_000 }: ProgressWatchOptions): ProgressWatch {
  const running = new Set<LinkedAbort>();
  let progressAt = 0;
  let cancel = (): void => {};

  /** Success moves no timer: it looks when it fires. At least a millisecond, or a rounded rest would make it spin. */
  const arm = (): void => {
    const leftMs = Math.max(1, progressAt + limitMs - clock.monotonic());
    cancel = clock.schedule(look, leftMs, { background: true });
  };
  const look = (): void => {
    if (clock.monotonic() - progressAt < limitMs) arm();
    else giveUp();
  };
  const giveUp = (): void => {
    // Emptied first: work that starts while these are told begins a watch of its own.
    const stuck = [...running];
    running.clear();
    for (const one of stuck)
      one.abort(new TinkerTimeoutError('progress', limitMs, 'requests appear to be stuck'));
  };

  return {
    async run(signal, work) {
      signal.throwIfAborted();
      const linked = linkInner(signal);
      if (running.size === 0) {
        progressAt = clock.monotonic();
        arm();
      }
      running.add(linked);
      try {
        const value = await raceAbort(linked.signal, work(linked.signal));
        progressAt = clock.monotonic();
        return value;
      } finally {
        linked.dispose();
        if (running.delete(linked) && running.size === 0) cancel();
      }
    },
    get running() {
      return running.size;
    },
  };
}
