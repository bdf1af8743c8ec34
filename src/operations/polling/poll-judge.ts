import { isTinkerError, type TinkerApiError, type TinkerError } from '../../kernel/errors.ts';
import { BILLING_RETRY_MS } from '../../policy/billing-pause.ts';
import type { PollOutcome } from '../../policy/poll-pacing.ts';
import { createRepetition } from '../../policy/repetition.ts';
import { type AnswerKind, answerKind, PERMANENT, STATUS_RULES } from '../../policy/status-rules.ts';
import { describeProblem, type PolledFuture, readPending } from '../../wire/json/futures.ts';
import { operationFailed, resultExpired } from '../operation-errors.ts';
import type { Runtime } from '../runtime.ts';
import type { PollTarget } from './poll-request.ts';

/** Unreadable answers in a row with which the result is given up: repeating does not mend them. */
const MAX_UNREADABLE = 3;
/** Repetitions of a 400 with nothing in it, over the life of a future (protocol 3.3). */
const EMPTY_400_REPEATS = 3;

/** Hears what each poll said: the server's word and its status, what went wrong, or nothing at all. */
export type PollListener = (heard: PolledFuture | TinkerError | undefined, status?: number) => void;

/** What a turn that settled nothing means for the next one; with `waitMs` that is settled too. */
export type Unsettled = Pick<PollOutcome, 'kind' | 'status' | 'hintMs'> & { readonly waitMs?: number };

/** What errors mean for one future's polls: a reason to ask again, or the end. */
export interface PollJudge {
  /** A poll was answered: what was counted in a row is over. */
  answered(): void;
  /** @param wasSent - Or else the error is about what leads to a poll: settings, a token. @throws the end. */
  failed(error: TinkerError, wasSent: boolean): Unsettled;
}

/** Nothing was heard yet. */
export function createPollJudge(
  { account, clock, pollPolicy }: Runtime,
  target: Pick<PollTarget, 'requestId' | 'type'>,
  listen: PollListener,
): PollJudge {
  // The official SDK's pace is without end, too.
  const isEndless = pollPolicy.kind === 'python';
  const limits = isEndless ? {} : { '500': PERMANENT.poll500, '5xx': PERMANENT.poll5xx };
  const repetition = createRepetition(clock, limits);
  let unreadable = 0;
  let empty400s = 0;

  function afterStatus(error: TinkerApiError, wasSent: boolean): Unsettled {
    const { status, retryAfterMs: hintMs, body } = error;
    const action = STATUS_RULES.poll[kindOf(error)];
    // Only an answer to the poll itself tells of the operation.
    if (!wasSent && (action === 'expired' || action === 'operation_failed')) throw error;
    switch (action) {
      case 'poll_again': {
        const pending = readPending(body);
        listen(pending, status);
        return { kind: 'timeout', status, hintMs: hintMs ?? pending.hintMs };
      }
      case 'expired':
        throw resultExpired(target, error);
      case 'pause_billing':
        if (!account.billing.heard(error.message)) throw error;
        listen(error);
        return { kind: 'limited', status, waitMs: BILLING_RETRY_MS };
      case 'ask_thrice':
        empty400s += 1;
        if (empty400s > EMPTY_400_REPEATS) throw error;
        listen(error);
        return { kind: 'failing', status, waitMs: 0 };
      case 'back_off':
        listen(error);
        return { kind: 'limited', status, hintMs };
      case 'slow_down':
        if (!error.retryable) throw error;
        listen(error);
        return { kind: 'failing', status, hintMs };
      case 'operation_failed':
        throw operationFailed(target, describeProblem(body), 'user', error);
      default:
        throw error;
    }
  }

  return {
    answered() {
      unreadable = 0;
      repetition.reset();
    },
    failed(error, wasSent) {
      const permanent = repetition.heard(error);
      if (permanent !== undefined) throw permanent;
      unreadable = error.code === 'response_invalid' ? unreadable + 1 : 0;
      if (unreadable >= MAX_UNREADABLE) throw error;
      if (isTinkerError(error, 'http_status')) return afterStatus(error, wasSent);
      // The leg's own limit is the long poll's end when the server holds longer than we do.
      if (isTinkerError(error, 'timed_out') && error.retryable) {
        listen(undefined);
        return { kind: 'timeout', status: 0 };
      }
      listen(error);
      // What was accepted is not given up because its server is down: the poll waits for the circuit.
      if (isTinkerError(error, 'circuit_open'))
        return { kind: 'limited', status: 0, hintMs: error.retryAfterMs };
      if (!error.retryable) throw error;
      const isLost = error.code === 'connection_failed';
      return { kind: isLost ? 'limited' : 'failing', status: isLost ? 0 : 200 };
    },
  };
}

function kindOf({ status, body }: TinkerApiError): AnswerKind {
  return answerKind(status, typeof body === 'string' && body.trim() === '');
}
