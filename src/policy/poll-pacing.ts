import type { RandomSource } from '../kernel/random.ts';
import { usableHint } from './retry-after.ts';

/** What one poll of a future said, as far as the pace of the next one is concerned. */
export interface PollOutcome {
  /**
   * `pending`: a 2xx that says try again; `timeout`: a 408, the long poll's own end; `failing`: a 5xx or a body that
   * cannot be read; `limited`: a 429 or no connection at all.
   */
  readonly kind: 'pending' | 'timeout' | 'failing' | 'limited';
  /** How long the exchange took, in milliseconds. */
  readonly elapsedMs: number;
  /** The server's own wish, in milliseconds. */
  readonly hintMs?: number | undefined;
}

/** What is remembered between two polls. */
export interface PollPacing {
  /** Answers in a row that failed: the server, its limits, or the way there. */
  readonly failures: number;
  /** Pending answers that came back at once since the last long poll. */
  readonly hurried: number;
}

/** Before the first poll. */
export const freshPacing: PollPacing = { failures: 0, hurried: 0 };

/** A pending answer held this long is a long poll, and the next one follows at once. */
const LONG_POLL_MS = 1_000;
/** Fast answers that are followed at once before the pace slows: a server may just be restarting. */
const IMMEDIATE_REPEATS = 3;

/**
 * The pace of polling: nothing between long polls, and ever longer pauses while the server fails or answers at once.
 * Keyed on consecutive outcomes, so one good turn starts it afresh; a server's hint always wins.
 *
 * A delay of 0 still means a macrotask: the caller sleeps 0 ms, so that a transport that answers from memory cannot
 * starve timers and aborts.
 */
export function pacePoll(
  pacing: PollPacing,
  outcome: PollOutcome,
  random: RandomSource,
): { readonly pacing: PollPacing; readonly delayMs: number } {
  const next = advance(pacing, outcome);
  const delayMs = usableHint(outcome.hintMs) ?? pause(next, outcome.kind, random);
  return { pacing: next, delayMs };
}

function advance(pacing: PollPacing, { kind, elapsedMs }: PollOutcome): PollPacing {
  const isAnswer = kind === 'pending' || kind === 'timeout';
  if (isAnswer && elapsedMs >= LONG_POLL_MS) return freshPacing;
  if (kind === 'pending') return { failures: 0, hurried: pacing.hurried + 1 };
  return { failures: pacing.failures + 1, hurried: pacing.hurried };
}

function pause({ failures, hurried }: PollPacing, kind: PollOutcome['kind'], random: RandomSource): number {
  if (kind === 'limited') return equalJitter(failures, 1_000, 30_000, random);
  // A server that says "try again" without holding the request is healthy: it is asked less often, not seldom.
  if (kind === 'pending') return equalJitter(hurried - IMMEDIATE_REPEATS, 100, 2_000, random);
  return equalJitter(failures - IMMEDIATE_REPEATS, 1_000, 30_000, random);
}

/**
 * Between half a step and the whole one, so never 0 and spread out. Step 1 is `firstMs`, each one after it twice the
 * last, up to `longestMs`; before step 1 there is no pause.
 */
function equalJitter(step: number, firstMs: number, longestMs: number, random: RandomSource): number {
  if (step < 1) return 0;
  const whole = Math.min(firstMs * 2 ** Math.min(step - 1, 30), longestMs);
  return whole / 2 + (whole / 2) * random();
}
