import { sleep } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import { createOperationGate, type OperationGate } from './futures/operation-gate.ts';

/** The emulator's one processor: jobs run one after the other, in the order given, each after its latency. */
export interface Device {
  /** Queue a job. */
  run<T>(job: () => T | Promise<T>): Promise<T>;
  /** Called now and then in a long job: lets timers and other requests have a turn when they have waited long enough. */
  breathe(): Promise<void>;
}

/** Computing goes on for so long before the rest of the program gets a turn: half a frame of a page. */
const BREATH_INTERVAL_MS = 8;

/**
 * @param latencyMs - Time each job takes on the clock, on top of what it takes to compute.
 * @param gate - What each job waits for before it starts.
 */
export function createDevice(
  clock: Clock,
  latencyMs: number,
  gate: OperationGate = createOperationGate(),
): Device {
  let last: Promise<unknown> = Promise.resolve();
  let breathedAt = clock.monotonic();

  const pause = async (ms: number): Promise<void> => {
    await sleep(clock, ms);
    breathedAt = clock.monotonic();
  };
  // Not at every chance: a timer costs a millisecond or more, which is longer than most jobs.
  const breathe = async (): Promise<void> => {
    if (clock.monotonic() - breathedAt >= BREATH_INTERVAL_MS) await pause(0);
  };

  return {
    run(job) {
      const done = last.then(async () => {
        await gate.passed();
        await (latencyMs > 0 ? pause(latencyMs) : breathe());
        return job();
      });
      // The next job follows whatever became of this one; its failure is its own future's to tell.
      last = done.catch(() => {});
      return done;
    },
    breathe,
  };
}
