import type { RandomSource } from '../kernel/random.ts';
import { usableHint } from './retry-after.ts';

/** First and longest delay before a resubmission (protocol 1.5). */
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;

/** The exponent is capped too: 2 ** 1024 is Infinity, and Infinity times zero is not a number. */
function exponentialMs(retries: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(retries, 30), LONGEST_DELAY_MS);
}

/**
 * How long to wait before sending a request again (protocol 1.5): the server's hint exactly, else 0.5 s doubling up
 * to 10 s, less up to a quarter at random.
 *
 * @param retries - Retries already made: 0 before the first.
 */
export function retryDelay(retries: number, hintMs: number | undefined, random: RandomSource): number {
  return usableHint(hintMs) ?? exponentialMs(retries) * (1 - 0.25 * random());
}

/**
 * How long to wait before submitting a lost sample anew (protocol 5.8): 0.5 s doubling up to 10 s, a quarter more or
 * less at random, within 10 s.
 *
 * @param resubmissions - Made already: 0 before the first.
 */
export function resubmitDelay(resubmissions: number, random: RandomSource): number {
  return Math.min(exponentialMs(resubmissions) * (1 + 0.25 * (2 * random() - 1)), LONGEST_DELAY_MS);
}
