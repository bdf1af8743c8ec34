import { sleep } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import type { RandomSource } from '../kernel/random.ts';
import { retryDelay } from './backoff.ts';
import { createRepetition, type Permanence } from './repetition.ts';

/** A wait that is no failure's fault: a bill to be paid, a pause of the server, a circuit that will be probed. */
export interface RetryPause {
  readonly delayMs: number;
  /** It takes nothing from the budget. */
  readonly isFree: boolean;
}

/** What {@link retry} needs. */
export interface RetryOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** No attempt starts later than this many milliseconds after the first one. 0 means one attempt. */
  readonly budgetMs: number;
  /** Ends the waiting between attempts, and with it the retrying. */
  readonly signal: AbortSignal;
  /** The operation's own end, on the monotonic clock; waits are clipped to it. @default none */
  readonly deadlineAt?: number | undefined;
  /** When the same answer of status 500 is permanent. @default never */
  readonly permanent500?: Permanence | undefined;
  /** Decides whether an error is a pause instead of a failure. @default none is */
  readonly pauseFor?: ((error: TinkerError) => RetryPause | undefined) | undefined;
  /** An error after which there must be no other attempt, though it may be retryable. @default none */
  readonly isFinal?: ((error: TinkerError) => boolean) | undefined;
  /** How much of the attempt that just failed was no attempt: waiting for a pause, or for a connection. @default none */
  readonly waitedMs?: (() => number) | undefined;
  /** Told before each wait, but for a free pause: whoever asked for it tells of it. */
  readonly onRetry?: ((error: TinkerError, attempts: number, delayMs: number) => void) | undefined;
}

/**
 * Do `attempt` until it succeeds, fails for good, or the time is up. Whether an error may be retried was decided
 * where it was made (`retryable`); an error that is not ours never is.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, budgetMs, signal, deadlineAt = Number.POSITIVE_INFINITY, onRetry } = options;
  const repetition = createRepetition(clock, { '500': options.permanent500 });
  let endsAt = clock.monotonic() + budgetMs;
  let failures = 0;
  for (let attempts = 1; ; attempts++) {
    signal.throwIfAborted();
    const startedAt = clock.monotonic();
    try {
      return await attempt();
    } catch (error) {
      // The caller's reason passes through untouched, even where it is an error of ours.
      if (!isTinkerError(error) || error === signal.reason) throw error;
      error.attempts = attempts;
      const permanent = repetition.heard(error);
      if (permanent !== undefined) throw permanent;
      if (options.isFinal?.(error) === true) throw error;
      const pause = options.pauseFor?.(error);
      const tookMs = clock.monotonic() - startedAt;
      endsAt += pause?.isFree === true ? tookMs + pause.delayMs : (options.waitedMs?.() ?? 0);
      const leftMs = endsAt - clock.monotonic();
      if ((pause === undefined && !error.retryable) || leftMs <= 0) throw error;
      signal.throwIfAborted();
      const wishMs = pause?.delayMs ?? retryDelay(failures++, hintOf(error), random);
      const delayMs = Math.min(wishMs, leftMs, Math.max(0, deadlineAt - clock.monotonic()));
      if (pause?.isFree !== true) onRetry?.(error, attempts, delayMs);
      await sleep(clock, delayMs, signal);
    }
  }
}

function hintOf(error: TinkerError): number | undefined {
  return isTinkerError(error, 'http_status') ? error.retryAfterMs : undefined;
}
