import { TinkerApiError, type TinkerError } from '../kernel/errors.ts';
import { answerKind } from './status-rules.ts';

/** Counts the same answer in a row. */
export interface Repetition {
  /**
   * Hear of an error. @returns the error to give up with, once the same 5xx (status and body) came so often in a row
   * that it is permanent (servers.md 2.1 item 31); `undefined` before that.
   */
  heard(error: TinkerError): TinkerApiError | undefined;
  /** Hear of anything else: the row ends. */
  reset(): void;
}

/** @param limits - How often an identical 500, or another identical 5xx, counts as an accident. */
export function createRepetition(limits: { readonly '500': number; readonly '5xx': number }): Repetition {
  let last: string | undefined;
  let count = 0;
  return {
    heard(error) {
      const isAnswer = error instanceof TinkerApiError && error.status >= 500;
      const mark = isAnswer ? `${error.status} ${JSON.stringify(error.body)}` : undefined;
      count = mark === undefined ? 0 : mark === last ? count + 1 : 1;
      last = mark;
      if (!isAnswer || count < (answerKind(error.status, false) === '500' ? limits['500'] : limits['5xx']))
        return undefined;
      const permanent = new TinkerApiError(
        error.status,
        `${error.message}; the same answer ${count} times in a row`,
        {
          cause: error,
          body: error.body,
          retryAfterMs: error.retryAfterMs,
          requestId: error.requestId,
          hint: 'The server will not recover by repetition',
        },
      );
      permanent.attempts = count;
      return permanent;
    },
    reset() {
      last = undefined;
      count = 0;
    },
  };
}
