import pLimit from 'p-limit';
import { raceAbort } from '../kernel/abort.ts';

/** At most so many pieces of work at a time, in the order asked for, with no timer. */
export interface Limiter {
  /**
   * Run `work` when its turn comes. An abort while waiting leaves the queue at once and `work` never starts; once
   * it runs, the slot is held until it settles, whatever the signal says.
   */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** A FIFO {@link Limiter}. @param concurrency - A positive integer. */
export function createLimiter(concurrency: number): Limiter {
  const limit = pLimit(concurrency);
  return {
    async run(signal, work) {
      signal.throwIfAborted();
      const queued = limit(async () => {
        signal.throwIfAborted();
        return work();
      });
      return raceAbort(signal, queued);
    },
  };
}
