import { TinkerError } from './errors.ts';

/** How a token budget stood when it refused a call, in tokens. */
export interface BudgetRefusal {
  /** The budget. */
  readonly limit: number;
  /** Spent by calls that have ended. */
  readonly used: number;
  /** What calls under way may still spend. */
  readonly reserved: number;
  /** What the refused call might have spent. */
  readonly requested: number;
}

/** A call might have spent more than the `budget` has left: `budget_exceeded`. Nothing was sent. */
export class TinkerBudgetError extends TinkerError {
  override readonly name = 'TinkerBudgetError';
  /** The budget, in tokens. */
  readonly limit: number;
  /** Tokens spent by calls that have ended. */
  readonly used: number;
  /** Tokens that calls under way may still spend. */
  readonly reserved: number;
  /** Tokens the call might have spent. */
  readonly requested: number;

  /** @internal */
  constructor({ limit, used, reserved, requested }: BudgetRefusal) {
    // What calls under way do not spend of their share comes back, and may be enough then.
    const retryable = used + requested <= limit;
    super(
      'budget_exceeded',
      'limit',
      `Not sent: a call of up to ${requested} tokens is beyond the budget of ${limit}, of which ${used} are spent and ${reserved} are held for calls under way`,
      {
        retryable,
        hint: retryable
          ? 'Try again when calls under way have ended'
          : 'Raise budget.tokens, or ask for less',
      },
    );
    this.limit = limit;
    this.used = used;
    this.reserved = reserved;
    this.requested = requested;
  }
}
