import { linkAbort } from '../kernel/abort.ts';
import { isTinkerError } from '../kernel/errors.ts';
import { TinkerAmbiguousSubmitError, TinkerPoisonedError } from '../kernel/submission-errors.ts';
import { createLimiter } from '../policy/limiter.ts';
import { readSubmitted, type SettledSubmission, type SubmittedFuture } from '../wire/json/futures.ts';
import type { SubmissionObserver } from './operation-view.ts';
import { type Runtime, sendResilient } from './runtime.ts';
import type { Scope } from './scope.ts';
import { createSubmissionFate, type SubmissionFate } from './submission-fate.ts';

/** A request that carries a sequence id. */
export interface NumberedRequest {
  readonly path: string;
  /** The body, once the number is known. */
  body(sequenceId: number): object;
  /** Looked at when the turn has come; what it throws fails the request before it takes a number. */
  precondition?(): void;
  /** Told, while the turn is still held, that the server accepted the request. */
  accepted?(): void;
  /**
   * Asked where an attempt was lost and a repetition was refused with a 409: was it the lost one that did it?
   *
   * @returns the result, if it was.
   */
  recover?(scope: Scope, since: number): Promise<SettledSubmission | undefined>;
}

/** Submit one request of a turn. */
export type SubmitInTurn = (request: NumberedRequest) => Promise<SubmittedFuture | SettledSubmission>;

/** The order of one model's requests: the server runs them by sequence id, and holds later ones for a missing one. */
export interface Turns {
  /** Submit in call order, one at a time; results are polled elsewhere, side by side. */
  submit(
    scope: Scope,
    request: NumberedRequest,
    observer?: SubmissionObserver,
  ): Promise<SubmittedFuture | SettledSubmission>;
  /** Hold one turn for as long as `work` takes, for several requests between which no other may come. */
  hold<T>(
    scope: Scope,
    work: (submit: SubmitInTurn) => Promise<T>,
    observer?: SubmissionObserver,
  ): Promise<T>;
}

/**
 * Turns that leave no hole. A number is taken when its turn comes, not when the call is made, so a call that is
 * aborted in the queue takes none; one that the server refused, or that provably never left, is used again.
 *
 * An abort frees the caller at once, but not the turn once something was sent: an attempt under way runs to its end, and
 * one that was lost is repeated under its number, because only an answer tells whether the number is taken. Where that
 * stays unknown the order is lost: the request fails with a {@link TinkerAmbiguousSubmitError}, and every later one with
 * a {@link TinkerPoisonedError}. On a server that does not know a number again, nothing that was lost is repeated.
 */
export function createTurns(runtime: Runtime): Turns {
  const limiter = createLimiter(1);
  let nextId = 1;
  let poison: TinkerPoisonedError | undefined;

  function taken(request: NumberedRequest): void {
    nextId += 1;
    request.accepted?.();
  }

  /** A save that was lost on its way may have been made nevertheless. */
  async function recovered(
    request: NumberedRequest,
    error: unknown,
    since: number,
  ): Promise<SettledSubmission | undefined> {
    if (request.recover === undefined || !isTinkerError(error, 'http_status') || error.status !== 409)
      return undefined;
    const { recover } = request;
    return runtime.scopes.run({}, (scope) => recover(scope, since)).catch(() => undefined);
  }

  /** All attempts under one number, for as long as the caller wants it, and longer where one was lost. */
  function attempt(
    request: NumberedRequest,
    caller: Scope,
    fate: SubmissionFate,
    observer: SubmissionObserver | undefined,
  ): Promise<unknown> {
    const sequenceId = nextId;
    return runtime.scopes.run({}, async (turn) => {
      const waiting = linkAbort(turn.signal);
      const onCaller = (): void => {
        if (!fate.isUnknown && !fate.isInFlight) waiting.abort(caller.signal.reason);
      };
      caller.signal.addEventListener('abort', onCaller, { once: true });
      if (caller.signal.aborted) onCaller();
      try {
        return await sendResilient(runtime, {
          method: 'POST',
          path: request.path,
          lane: 'train',
          body: request.body(sequenceId),
          scope: {
            signal: waiting.signal,
            deadlineAt: Number.POSITIVE_INFINITY,
            get onLimit() {
              return fate.isUnknown ? 'wait' : caller.onLimit;
            },
          },
          attemptSignal: turn.signal,
          isPatient: true,
          isFinal: () => fate.isUnknown && !runtime.serverDeduplicates,
          onSend() {
            fate.sent();
            observer?.onSend();
          },
          onFailure(error) {
            fate.failed(error);
            observer?.onFailure(error);
            if (caller.signal.aborted) onCaller();
          },
        });
      } finally {
        caller.signal.removeEventListener('abort', onCaller);
        waiting.dispose();
      }
    });
  }

  async function sendNumbered(
    request: NumberedRequest,
    caller: Scope,
    observer: SubmissionObserver | undefined,
  ): Promise<SubmittedFuture | SettledSubmission> {
    if (poison !== undefined) throw poison;
    request.precondition?.();
    const sequenceId = nextId;
    const since = runtime.clock.now();
    const fate = createSubmissionFate();
    try {
      const answer = await attempt(request, caller, fate, observer);
      const submitted = readSubmitted(answer);
      taken(request);
      return submitted;
    } catch (error) {
      // Also where the answer to the last attempt could not be read.
      if (!fate.isUnknown && !fate.isInFlight) throw error;
      const settled = await recovered(request, error, since);
      if (settled !== undefined) {
        taken(request);
        return settled;
      }
      const lost = new TinkerAmbiguousSubmitError(sequenceId, nextId - 1, error);
      poison = new TinkerPoisonedError(sequenceId, nextId - 1, lost);
      throw lost;
    }
  }

  const hold: Turns['hold'] = (scope, work, observer) =>
    limiter.run(scope.signal, () => work((request) => sendNumbered(request, scope, observer)));

  return { hold, submit: (scope, request, observer) => hold(scope, (submit) => submit(request), observer) };
}
