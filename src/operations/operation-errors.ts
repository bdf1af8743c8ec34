import { bareMessage } from '../kernel/bare-message.ts';
import {
  isTinkerError,
  type TinkerApiError,
  TinkerOperationError,
  TinkerResponseError,
} from '../kernel/errors.ts';
import { describeProblem } from '../wire/json/futures.ts';
import type { PollTarget, RequestType } from './polling/poll-request.ts';

/** Operations that do no harm where they are done twice. */
const REPEATABLE: readonly RequestType[] = ['CreateModel', 'Forward', 'LoadWeights', 'Sample', 'UnloadModel'];

/** The server has lost the result of an operation, which it may have carried out. */
export function resultExpired(
  { requestId, type }: Pick<PollTarget, 'requestId' | 'type'>,
  cause: TinkerApiError,
): TinkerOperationError {
  const words = `The result of ${type} is gone: ${describeProblem(cause.body) || 'expired'}`;
  const retryable = REPEATABLE.includes(type);
  const hint = retryable ? 'Submit it anew' : adviceForTwice(type);
  return new TinkerOperationError('result_expired', 'expired', words, { cause, requestId, hint, retryable });
}

function adviceForTwice(type: RequestType): string {
  return type.startsWith('Save')
    ? 'It may have been saved nevertheless: listCheckpoints() tells'
    : 'The server may have carried it out, and to submit it anew would do it twice: load the last checkpoint first';
}

/** What went wrong with a result, and of which operation it is. */
export function aboutResult(
  { requestId, type }: { readonly requestId: string | undefined; readonly type: RequestType },
  error: unknown,
): unknown {
  if (!isTinkerError(error, 'response_invalid') || error.requestId !== undefined) return error;
  const { hint = 'Do server and client speak versions of the protocol that go together?', retryable } = error;
  const words = `${type} gave a result that cannot be read: ${bareMessage(error)}`;
  return new TinkerResponseError(words, { cause: error, requestId, retryable, hint });
}

/** The server failed an operation, with these words of its own, or none. */
export function operationFailed(
  { requestId, type }: Pick<PollTarget, 'requestId' | 'type'>,
  said: string,
  category: 'user' | 'server' | 'unknown',
  cause?: unknown,
): TinkerOperationError {
  const whose = category === 'user' ? 'user' : 'server';
  // A limit that is told as a failure: the work was never begun (servers.md 2.1 item 33).
  const isLimit = /rate limit/i.test(said);
  const hint =
    whose === 'user'
      ? 'Correct what the server names, and submit it anew'
      : 'It may succeed when it is submitted anew';
  return new TinkerOperationError(
    'operation_failed',
    whose,
    `${type} failed on the server${said === '' ? ', which does not say why' : `: ${said}`}`,
    {
      requestId,
      cause,
      retryable: whose === 'server' || isLimit,
      hint: isLimit ? 'Submit it anew, later' : hint,
    },
  );
}
