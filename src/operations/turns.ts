import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import { TinkerAmbiguousSubmitError, TinkerPoisonedError } from '../kernel/submission-errors.ts';
import { createLimiter } from '../policy/limiter.ts';
import { readSubmitted, type SettledSubmission, type SubmittedFuture } from '../wire/json/futures.ts';
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
  /**
   * Asked where an attempt was lost and a repetition was refused with a 409: was it the lost one that did it?
   *
   * @returns the result, if it was.
   */
  recover?(scope: Scope, since: number): Promise<SettledSubmission | undefined>;
}

/** What is told of attempts that failed. */
export type SubmitListener = (error: TinkerError) => void;

/** Submit one request of a turn. */
export type SubmitInTurn = (request: NumberedRequest) => Promise<SubmittedFuture | SettledSubmission>;

/** The order of one model's requests: the server runs them by sequence id, and holds later ones for a missing one. */
export interface Turns {
  /** Submit in call order, one at a time; results are polled elsewhere, side by side. */
  submit(
    scope: Scope,
    request: NumberedRequest,
    listen?: SubmitListener,
  ): Promise<SubmittedFuture | SettledSubmission>;
  /** Hold one turn for as long as `work` takes, for several requests between which no other may come. */
  hold<T>(scope: Scope, work: (submit: SubmitInTurn) => Promise<T>, listen?: SubmitListener): Promise<T>;
}

/**
 * Turns that leave no hole. A number is taken when its turn comes, not when the call is made, so a call that is
 * aborted in the queue takes none; one that the server refused, or that provably never left, is used again. While an
 * attempt is under way an abort frees the caller at once but not the turn: the attempt runs to its end, because only
 * its answer tells whether the number is taken. Where that stays unknown the order is lost: the request fails with a
 * {@link TinkerAmbiguousSubmitError}, and every later one with a {@link TinkerPoisonedError}. On a server that does not
 * know a number again, it is unknown after the first attempt that was lost.
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

  async function sendNumbered(
    request: NumberedRequest,
    caller: Scope,
    listen: SubmitListener,
  ): Promise<SubmittedFuture | SettledSubmission> {
    if (poison !== undefined) throw poison;
    request.precondition?.();
    const sequenceId = nextId;
    const since = runtime.clock.now();
    let isSent = false;
    let isFateUnknown = false;
    try {
      const answer = await runtime.scopes.run({}, (turn) =>
        sendResilient(runtime, {
          method: 'POST',
          path: request.path,
          lane: 'train',
          body: request.body(sequenceId),
          scope: caller,
          attemptSignal: turn.signal,
          isNumbered: true,
          isFinal: () => isFateUnknown && !runtime.serverDeduplicates,
          onSend: () => {
            isSent = true;
          },
          onFailure: (error) => {
            isFateUnknown ||= isSent && !isRefusal(error);
            isSent = false;
            if (isTinkerError(error)) listen(error);
          },
        }),
      );
      isFateUnknown = true;
      const submitted = readSubmitted(answer);
      isFateUnknown = false;
      taken(request);
      return submitted;
    } catch (error) {
      if (!isFateUnknown) throw error;
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

  const hold: Turns['hold'] = (scope, work, listen = () => {}) =>
    limiter.run(scope.signal, () => work((request) => sendNumbered(request, scope, listen)));

  return { hold, submit: (scope, request, listen) => hold(scope, (submit) => submit(request), listen) };
}

/** Whether the failure of a request that was sent proves that the server did not take it: it said no, or never heard. */
function isRefusal(error: unknown): boolean {
  if (isTinkerError(error, 'connection_failed')) return error.isUnsent;
  return (
    isTinkerError(error, 'http_status') && error.status >= 400 && error.status < 500 && error.status !== 408
  );
}
