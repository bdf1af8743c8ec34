import type { RandomSource } from '../kernel/random.ts';
import type { AdaptivePacing, PollContext, PollPolicy } from './poll-policy.ts';
import { usableHint } from './retry-after.ts';

/** What one poll of a future said, as far as the pace of the next one is concerned. */
export interface PollOutcome {
  /**
   * `pending`: a 2xx that says try again; `paused`: one that says the server pauses the operation; `timeout`: a 408,
   * the long poll's own end; `failing`: a 5xx or a body that cannot be read; `limited`: a 429 or no connection at all.
   */
  readonly kind: 'pending' | 'paused' | 'timeout' | 'failing' | 'limited';
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** How long the exchange took, in milliseconds. */
  readonly elapsedMs: number;
  /** The server's own wish, in milliseconds. */
  readonly hintMs?: number | undefined;
}

/** What is remembered between two polls: how often in a row each kind of unproductive answer came. */
export interface PollPacing {
  /** Fast 408 and 5xx. Any other outcome starts them afresh. */
  readonly failures: number;
  /** 429 and lost connections. Any other outcome starts them afresh. */
  readonly limits: number;
  /** Pending answers that came back at once since the last long poll. */
  readonly hurried: number;
}

/** Before the first poll. */
export const freshPacing: PollPacing = { failures: 0, limits: 0, hurried: 0 };

/** Least wait after a fast answer that says the server pauses the operation, in milliseconds. */
const PAUSED_MS = 1_000;

/**
 * The pace of polling under a {@link PollPolicy}. Keyed on consecutive outcomes, so one good turn starts it afresh.
 *
 * A delay of 0 still means a macrotask: the caller sleeps 0 ms, so that a transport that answers from memory cannot
 * starve timers and aborts.
 */
export function pacePoll(
  pacing: PollPacing,
  outcome: PollOutcome,
  policy: PollPolicy,
  random: RandomSource,
): { readonly pacing: PollPacing; readonly delayMs: number } {
  const longPollMs = policy.kind === 'adaptive' ? policy.longPollMs : 0;
  const next = advance(pacing, outcome, longPollMs);
  return { pacing: next, delayMs: delayOf(next, outcome, policy, random) };
}

function advance(pacing: PollPacing, { kind, elapsedMs }: PollOutcome, longPollMs: number): PollPacing {
  const { failures, limits, hurried } = pacing;
  const isAnswer = kind === 'pending' || kind === 'paused' || kind === 'timeout';
  if (isAnswer && longPollMs > 0 && elapsedMs >= longPollMs) return freshPacing;
  if (kind === 'pending' || kind === 'paused') return { failures: 0, limits: 0, hurried: hurried + 1 };
  if (kind === 'limited') return { failures: 0, limits: limits + 1, hurried };
  return { failures: failures + 1, limits: 0, hurried };
}

function delayOf(pacing: PollPacing, outcome: PollOutcome, policy: PollPolicy, random: RandomSource): number {
  if (policy.kind === 'custom') return policy.delayMs(contextOf(pacing, outcome));
  if (policy.kind === 'python') return pythonDelay(pacing, outcome);
  return usableHint(outcome.hintMs) ?? adaptiveDelay(pacing, outcome, policy, random);
}

function contextOf({ failures, limits, hurried }: PollPacing, outcome: PollOutcome): PollContext {
  const { kind, status, elapsedMs, hintMs } = outcome;
  const isFailure = kind === 'failing' || kind === 'timeout';
  const consecutive = kind === 'limited' ? limits : isFailure ? failures : hurried;
  return { status, consecutive, elapsedMs, hintMs };
}

/** Protocol 3.3: everything at once, except 429 and lost connections (1, 2, 4 … 30 s, without jitter or hints). */
function pythonDelay({ limits }: PollPacing, { kind }: PollOutcome): number {
  return kind === 'limited' ? Math.min(1_000 * 2 ** Math.min(limits - 1, 30), 30_000) : 0;
}

function adaptiveDelay(
  { failures, limits, hurried }: PollPacing,
  { kind }: PollOutcome,
  { immediateRepeats, firstMs, maxMs }: AdaptivePacing,
  random: RandomSource,
): number {
  if (kind === 'limited') return equalJitter(limits, firstMs, maxMs, random);
  if (kind === 'failing' || kind === 'timeout')
    return equalJitter(failures - immediateRepeats, firstMs, maxMs, random);
  // A server that says "try again" without holding the request is healthy: it is asked less often, not seldom.
  const spacing = equalJitter(
    hurried - immediateRepeats,
    Math.min(100, firstMs),
    Math.min(2_000, maxMs),
    random,
  );
  return kind === 'paused' && hurried > 0 ? Math.max(spacing, PAUSED_MS) : spacing;
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
