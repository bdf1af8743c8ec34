import type { Clock } from '../kernel/clock.ts';
import type { RandomSource } from '../kernel/random.ts';

/** What an attempt came to. */
export interface Done<T> {
  readonly result: T;
}

/**
 * Try until it comes to something, with waits that grow and are spread by chance.
 *
 * @param what - What others are at, as the error calls it.
 * @throws Error - after ten seconds.
 */
export type Persist = <T>(what: string, attempt: () => Promise<Done<T> | undefined>) => Promise<T>;

/** Contexts in each other's way sort themselves out within milliseconds; this only ends what never would. */
const PATIENCE_MS = 10_000;
const FIRST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 128;

/** @param random - Spreads the attempts of contexts that were in each other's way. */
export function createPersist(clock: Clock, random: RandomSource): Persist {
  return async (what, attempt) => {
    const end = clock.monotonic() + PATIENCE_MS;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      const done = await attempt();
      if (done !== undefined) return done.result;
      if (clock.monotonic() >= end) throw new Error(`Others kept writing ${what} for ${PATIENCE_MS} ms`);
      const spreadMs = (waitMs * (1 + random())) / 2;
      await new Promise<void>((resolve) => void clock.schedule(resolve, spreadMs));
    }
  };
}
