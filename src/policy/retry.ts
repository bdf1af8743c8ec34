import { sleep } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import type { RandomSource } from '../kernel/random.ts';
import { retryDelay } from './backoff.ts';

/** What {@link retry} needs. */
export interface RetryOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** No attempt starts later than this many milliseconds after the first one. 0 means one attempt. */
  readonly budgetMs: number;
  /** Ends the waiting between attempts, and with it the retrying. */
  readonly signal: AbortSignal;
  /** Told before each wait. */
  readonly onRetry?: ((error: TinkerError, attempts: number, delayMs: number) => void) | undefined;
}

/**
 * Do `attempt` until it succeeds, fails for good, or the time is up. Whether an error may be retried was decided
 * where it was made (`retryable`); an error that is not ours never is.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, budgetMs, signal, onRetry } = options;
  const startedAt = clock.monotonic();
  for (let attempts = 1; ; attempts++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      // The caller's reason passes through untouched, even where it is an error of ours.
      if (!isTinkerError(error) || error === signal.reason) throw error;
      error.attempts = attempts;
      const leftMs = startedAt + budgetMs - clock.monotonic();
      if (!error.retryable || leftMs <= 0) throw error;
      signal.throwIfAborted();
      const hintMs = isTinkerError(error, 'http_status') ? error.retryAfterMs : undefined;
      const delayMs = Math.min(retryDelay(attempts - 1, hintMs, random), leftMs);
      onRetry?.(error, attempts, delayMs);
      await sleep(clock, delayMs, signal);
    }
  }
}
