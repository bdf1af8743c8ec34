import { bareMessage } from '../kernel/bare-message.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerApiError, type TinkerError } from '../kernel/errors.ts';

/** When the same answer counts as permanent: so many in a row, over at least so many milliseconds. */
export interface Permanence {
  readonly count: number;
  readonly lastingMs: number;
}

/** Counts the same answer in a row. */
export interface Repetition {
  /**
   * Hear of an error. @returns the error to give up with, once the same 5xx (status and body) came so often in a row,
   * and for so long, that it is permanent (servers.md 2.1 item 31); `undefined` before that.
   */
  heard(error: TinkerError): TinkerApiError | undefined;
  /** Hear of anything else: the row ends. */
  reset(): void;
}

/** @param limits - When an identical 500, or another identical 5xx, is permanent; never where there is none. */
export function createRepetition(
  clock: Clock,
  limits: { readonly '500'?: Permanence | undefined; readonly '5xx'?: Permanence | undefined },
): Repetition {
  let last: string | undefined;
  let count = 0;
  let since = 0;
  return {
    heard(error) {
      // A refusal of our own circuit is no answer.
      if (error.code === 'circuit_open') return undefined;
      const isAnswer = error instanceof TinkerApiError && error.status >= 500;
      const mark = isAnswer ? `${error.status} ${JSON.stringify(error.body)}` : undefined;
      const now = clock.monotonic();
      if (mark === undefined || mark !== last) [count, since] = [0, now];
      last = mark;
      count += 1;
      if (!isAnswer) return undefined;
      const limit = error.status === 500 ? limits['500'] : limits['5xx'];
      const isPermanent = limit !== undefined && count >= limit.count && now - since >= limit.lastingMs;
      return isPermanent ? permanent(error, count) : undefined;
    },
    reset() {
      last = undefined;
    },
  };
}

function permanent(error: TinkerApiError, count: number): TinkerApiError {
  const end = new TinkerApiError(
    error.status,
    `${bareMessage(error)}; the same answer ${count} times in a row`,
    {
      cause: error,
      body: error.body,
      retryAfterMs: error.retryAfterMs,
      requestId: error.requestId,
      hint: 'To repeat it does not mend it: ask those who run the server',
    },
  );
  end.attempts = count;
  return end;
}
