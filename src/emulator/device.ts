import { sleep } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';

/** The emulator's one processor: jobs run one after the other, in the order given, each after its latency. */
export interface Device {
  /** Queue a job. It never starts before this returns, so the request that brought it is answered first. */
  run<T>(job: () => T | Promise<T>): Promise<T>;
  /** Let timers and other requests have a turn in the middle of a long job. */
  breathe(): Promise<void>;
}

/** @param latencyMs - Time each job takes on the clock, on top of what it takes to compute. */
export function createDevice(clock: Clock, latencyMs: number): Device {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(job) {
      const done = last.then(async () => {
        await sleep(clock, latencyMs);
        return job();
      });
      // The next job follows whatever became of this one; its failure is its own future's to tell.
      last = done.catch(() => {});
      return done;
    },
    breathe: () => sleep(clock, 0),
  };
}
