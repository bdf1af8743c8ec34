import { isTinkerError, TinkerPoisonedError } from '../kernel/errors.ts';
import { createLimiter } from '../policy/limiter.ts';
import { readSubmitted, type SubmittedFuture } from '../wire/json/futures.ts';
import { type Runtime, sendResilient } from './runtime.ts';
import type { Scope } from './scope.ts';

/** A request that carries a sequence id. */
export interface NumberedRequest {
  readonly path: string;
  /** The body, once the number is known. */
  body(sequenceId: number): object;
  /** Looked at when the turn has come; what it throws fails the request before it takes a number. */
  precondition?(): void;
  /** Told, while the turn is still held, that the server accepted the request. */
  accepted?(): void;
}

/** The order of one model's requests: the server runs them by sequence id, and holds later ones for a missing one. */
export interface Turns {
  /** Submit in call order, one at a time; results are polled elsewhere, side by side. */
  submit(scope: Scope, request: NumberedRequest): Promise<SubmittedFuture>;
}

/**
 * Turns that leave no hole. A number is taken when its turn comes, not when the call is made, so a call that is
 * aborted in the queue takes none; one that the server refused is used again. While an attempt is under way an abort
 * frees the caller at once but not the turn: the attempt runs to its end, because only its answer tells whether the
 * number is taken. Where that stays unknown the order is lost, and every later submission is refused.
 */
export function createTurns(runtime: Runtime): Turns {
  const limiter = createLimiter(1);
  let nextId = 1;
  let poison: TinkerPoisonedError | undefined;

  async function sendNumbered(request: NumberedRequest, caller: AbortSignal): Promise<SubmittedFuture> {
    if (poison !== undefined) throw poison;
    request.precondition?.();
    const sequenceId = nextId;
    let isFateUnknown = false;
    try {
      const answer = await runtime.scopes.run({}, (turn) =>
        sendResilient(runtime, {
          method: 'POST',
          path: request.path,
          body: request.body(sequenceId),
          signal: caller,
          attemptSignal: turn.signal,
          onFailure: (error) => {
            isFateUnknown ||= !isRefusal(error);
          },
        }),
      );
      isFateUnknown = true;
      const submitted = readSubmitted(answer);
      isFateUnknown = false;
      nextId = sequenceId + 1;
      request.accepted?.();
      return submitted;
    } catch (error) {
      if (isFateUnknown) poison = new TinkerPoisonedError(sequenceId, error);
      throw error;
    }
  }

  return {
    submit: (scope, request) => limiter.run(scope.signal, () => sendNumbered(request, scope.signal)),
  };
}

/** Whether an error proves that the server did not take the request: it answered, and said no. */
function isRefusal(error: unknown): boolean {
  return (
    isTinkerError(error, 'http_status') && error.status >= 400 && error.status < 500 && error.status !== 408
  );
}
