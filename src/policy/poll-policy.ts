import { checkFinite, checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** What a poll policy of your own decides on. */
export interface PollContext {
  /** HTTP status of the answer that settled nothing (200 for "try again"); 0 where there was none. */
  readonly status: number;
  /** How often in a row this kind of answer came, this one included. */
  readonly consecutive: number;
  /** How long this exchange took, in milliseconds. */
  readonly elapsedMs: number;
  /** The server's own wish for the wait, in milliseconds, if it named one. */
  readonly hintMs: number | undefined;
}

/** The numbers of the adaptive policy. */
export interface AdaptivePollOptions {
  /** A pending answer held at least this long is a long poll, and the next follows at once. @default 1_000 */
  readonly longPollMs?: number | undefined;
  /** Fast failures followed at once, before the pace slows: a server may just be restarting. @default 3 */
  readonly immediateRepeats?: number | undefined;
  /** First pause; each one after it is twice as long. @default 1_000 */
  readonly firstMs?: number | undefined;
  /** Longest pause. @default 30_000 */
  readonly maxMs?: number | undefined;
}

/**
 * How fast results are asked for. `adaptive`: long polls follow each other at once, fast failures three times, then
 * with pauses from 1 s up to 30 s (half of each at random); a server's hint wins, up to 60 s. `python`: as the official
 * SDK, which repeats at once after every 408 and 5xx. Numbers: the adaptive policy with them. A function: the wait in
 * milliseconds is what it returns (a finite number from 0 on, clipped to the time left); it sees the hint, and decides.
 */
export type PollPolicyOption =
  | 'adaptive'
  | 'python'
  | AdaptivePollOptions
  | ((context: PollContext) => number);

/** The adaptive policy with its numbers. */
export interface AdaptivePacing {
  readonly kind: 'adaptive';
  readonly longPollMs: number;
  readonly immediateRepeats: number;
  readonly firstMs: number;
  readonly maxMs: number;
}

/** A policy that is safe to follow. */
export type PollPolicy =
  | AdaptivePacing
  | { readonly kind: 'python' }
  | { readonly kind: 'custom'; readonly delayMs: (context: PollContext) => number };

/** Check and complete a policy. @throws TinkerInputError - naming the field, the value and the bound. */
export function resolvePollPolicy(field: string, option: PollPolicyOption = 'adaptive'): PollPolicy {
  if (option === 'python') return { kind: 'python' };
  if (typeof option === 'function') {
    return { kind: 'custom', delayMs: (context) => checkFinite(`${field}()`, option(context), { min: 0 }) };
  }
  if (option !== 'adaptive' && (typeof option !== 'object' || option === null || Array.isArray(option))) {
    throw new TinkerInputError(
      field,
      `must be "adaptive", "python", an object of numbers or a function, got ${show(option)}`,
    );
  }
  const {
    longPollMs = 1_000,
    immediateRepeats = 3,
    firstMs = 1_000,
    maxMs = 30_000,
  } = option === 'adaptive' ? {} : option;
  checkFinite(`${field}.firstMs`, firstMs, { min: 0, aboveMin: true });
  return {
    kind: 'adaptive',
    longPollMs: checkFinite(`${field}.longPollMs`, longPollMs, { min: 0, aboveMin: true }),
    immediateRepeats: checkInteger(`${field}.immediateRepeats`, immediateRepeats, { min: 0 }),
    firstMs,
    maxMs: checkFinite(`${field}.maxMs`, maxMs, { min: firstMs }),
  };
}
