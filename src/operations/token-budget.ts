import { TinkerBudgetError } from '../kernel/budget-error.ts';
import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type Meter, TOKEN_KINDS, type TokenUsage, totalTokens } from './metering.ts';

/** A limit on what a service client spends. Tokens of all kinds count alike. */
export interface TokenBudgetOptions {
  /** Tokens that may be spent in all, an integer from 0 on. */
  readonly tokens: number;
  /**
   * What happens to a call that might go beyond it. `throw`: it rejects with a `budget_exceeded` error before anything is
   * sent; what was sent is never given up. A function: it is told, and the call goes on; it is told again only after
   * what is spent and held had fallen below. @default 'throw'
   */
  readonly onExceed?: 'throw' | ((gauge: TokenBudgetGauge) => void) | undefined;
}

/** A budget at this moment, in tokens. */
export interface TokenBudgetGauge {
  /** The budget; `Infinity` for none. */
  readonly limit: number;
  /** Spent. */
  readonly used: number;
  /** What calls under way may still spend. */
  readonly reserved: number;
}

/** The share of a budget that one call may spend. */
export interface Reservation {
  /** This much was really spent: it is counted by the call's meter, and no longer held. May be called several times. */
  spend(usage: Partial<TokenUsage>): void;
  /** The call has ended: what it did not spend is free again. Call it on every path; calling it again is harmless. */
  release(): void;
}

/** Lets calls in while there are tokens left for all they might spend. */
export interface TokenBudget {
  /**
   * Hold `estimate` tokens for a call, before anything of it is sent.
   *
   * @param estimate - The most it can spend.
   * @param meter - Counts what it does spend: the meter of its client, below the budget's own.
   * @throws TinkerBudgetError - where they might go beyond the budget, unless a function is told of that.
   */
  reserve(estimate: number, meter: Meter): Reservation;
  /** As it stands. */
  snapshot(): TokenBudgetGauge;
}

/** Check a budget. @throws TinkerInputError - naming the field, the value and the bound. */
export function resolveTokenBudget(
  field: string,
  options: TokenBudgetOptions | undefined,
): TokenBudgetOptions | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== 'object' || options === null) {
    throw new TinkerInputError(field, `must be an object with "tokens", got ${show(options)}`);
  }
  const { onExceed = 'throw' } = options;
  if (onExceed !== 'throw' && typeof onExceed !== 'function') {
    throw new TinkerInputError(`${field}.onExceed`, `must be "throw" or a function, got ${show(onExceed)}`);
  }
  return { tokens: checkInteger(`${field}.tokens`, options.tokens, { min: 0 }), onExceed };
}

/**
 * A budget of which nothing is held. Asking and holding are one step, without an await between, so that calls made side
 * by side cannot go beyond it together.
 *
 * @param options - As {@link resolveTokenBudget} returns them; `undefined` for no limit.
 * @param spent - Counts all that counts against it: the service's meter.
 */
export function createTokenBudget(options: TokenBudgetOptions | undefined, spent: Meter): TokenBudget {
  const { tokens: limit, onExceed = 'throw' } = options ?? { tokens: Number.POSITIVE_INFINITY };
  let reserved = 0;
  let isBeyond = false;

  const snapshot = (): TokenBudgetGauge => ({ limit, used: spent.total, reserved });
  const look = (): void => {
    const wasBeyond = isBeyond;
    isBeyond = spent.total + reserved > limit;
    if (wasBeyond || !isBeyond || onExceed === 'throw') return;
    try {
      onExceed(snapshot());
    } catch {
      // A listener's bug must not fail the call it is told of.
    }
  };

  return {
    snapshot,
    reserve(estimate, meter) {
      if (onExceed === 'throw' && spent.total + reserved + estimate > limit) {
        throw new TinkerBudgetError({ ...snapshot(), requested: estimate });
      }
      // No more than all of it and one: sums of larger numbers are not exact, and what is held would not come back.
      let held = Math.min(estimate, limit + 1);
      reserved += held;
      look();
      const free = (tokens: number): void => {
        const freed = Math.min(held, tokens);
        held -= freed;
        reserved -= freed;
        look();
      };
      return {
        spend(usage) {
          for (const kind of TOKEN_KINDS) meter.add(kind, usage[kind] ?? 0);
          free(totalTokens(usage));
        },
        release: () => free(held),
      };
    },
  };
}

/**
 * Do `work` as a call that may spend `estimate` tokens, and says with `spend` what it did. However it ends, nothing
 * stays held.
 *
 * @throws TinkerBudgetError - as a rejection; `work` was not called.
 */
export async function withinBudget<T>(
  {
    budget,
    meter,
    estimate,
  }: { readonly budget: TokenBudget; readonly meter: Meter; readonly estimate: number },
  work: (spend: Reservation['spend']) => Promise<T>,
): Promise<T> {
  const reservation = budget.reserve(estimate, meter);
  try {
    return await work(reservation.spend);
  } finally {
    reservation.release();
  }
}
