import { linkAbort } from '../kernel/abort.ts';
import { isTinkerError } from '../kernel/errors.ts';
import { readSubmitted, type SettledSubmission, type SubmittedFuture } from '../wire/json/futures.ts';
import { type FormedRequest, inSomeForm } from './in-some-form.ts';
import type { SubmissionObserver } from './operation-view.ts';
import { takePermit } from './permit.ts';
import { type PassRuntime, sendResilient } from './runtime.ts';
import type { Scope } from './scope.ts';
import { createSubmissionFate, type SubmissionFate } from './submission-fate.ts';

/** A request that carries a sequence id. */
export interface NumberedRequest {
  readonly path: string;
  /** The body, once the number is known. */
  body(sequenceId: number): object;
  /** The same request as protobuf, which has a path of its own; only passes over data have one. */
  readonly protobuf?:
    | { readonly path: string; encode(sequenceId: number): Uint8Array<ArrayBuffer> }
    | undefined;
  /** Estimated size, of what counts against the budget of passes. @default nothing counts */
  readonly bytes?: number | undefined;
  /**
   * Asked where an attempt was lost and a repetition was refused with a 409: was it the lost one that did it?
   *
   * @returns the result, if it was.
   */
  recover?(scope: Scope, since: number): Promise<SettledSubmission | undefined>;
}

/** What became of a number: the server took it, it provably did not, or nobody knows. */
export type NumberedOutcome =
  | { readonly kind: 'taken'; readonly submission: SubmittedFuture | SettledSubmission }
  | { readonly kind: 'free'; readonly error: unknown }
  | { readonly kind: 'lost'; readonly error: unknown };

/**
 * Submit one request under one number, as long as the caller wants it, and longer where an attempt was lost: only an
 * answer tells then whether the number is taken. Never rejects.
 *
 * An abort frees the caller at once where nothing was sent; an attempt under way runs to its end.
 */
export async function submitNumbered(
  runtime: PassRuntime,
  request: NumberedRequest,
  sequenceId: number,
  caller: Scope,
  observer: SubmissionObserver | undefined,
): Promise<NumberedOutcome> {
  const since = runtime.clock.now();
  const fate = createSubmissionFate();
  try {
    const answer = await runtime.scopes.run({}, (turn) =>
      withinCallersPatience(caller, turn, fate, (waiting, heard) =>
        withinBytes(runtime, request, { ...caller, signal: waiting }, () =>
          inSomeForm(runtime, request, { sequenceId, signal: waiting }, (form) =>
            sendForm(runtime, form, { caller, turn, waiting, fate, observer, heard }),
          ),
        ),
      ),
    );
    return { kind: 'taken', submission: readSubmitted(answer) };
  } catch (error) {
    // Also where the answer to the last attempt could not be read.
    if (!fate.isUnknown && !fate.isInFlight) return { kind: 'free', error };
    const settled = await recovered(runtime, request, error, since);
    return settled === undefined ? { kind: 'lost', error } : { kind: 'taken', submission: settled };
  }
}

/** Runs `work` with a signal that the caller's abort reaches as long as nothing is on its way or lost. */
async function withinCallersPatience<T>(
  caller: Scope,
  turn: Scope,
  fate: SubmissionFate,
  work: (waiting: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> {
  const waiting = linkAbort(turn.signal);
  const onCaller = (): void => {
    if (caller.signal.aborted && !fate.isUnknown && !fate.isInFlight) waiting.abort(caller.signal.reason);
  };
  caller.signal.addEventListener('abort', onCaller, { once: true });
  onCaller();
  try {
    return await work(waiting.signal, onCaller);
  } finally {
    caller.signal.removeEventListener('abort', onCaller);
    waiting.dispose();
  }
}

/** Runs `work` within the budget of bytes that passes under way may have (protocol 5.4). */
async function withinBytes<T>(
  runtime: PassRuntime,
  { bytes }: NumberedRequest,
  scope: Scope,
  work: () => Promise<T>,
): Promise<T> {
  if (bytes === undefined) return work();
  const { passBytes } = runtime.account;
  const name = { scope: 'bytes', name: 'bytes of passes' } as const;
  const release = await takePermit(runtime, scope, passBytes, name, (signal) =>
    passBytes.acquire(signal, bytes),
  );
  try {
    return await work();
  } finally {
    release();
  }
}

/** What the attempts of a form need to know. */
interface AttemptContext {
  readonly caller: Scope;
  readonly turn: Scope;
  readonly waiting: AbortSignal;
  readonly fate: SubmissionFate;
  readonly observer: SubmissionObserver | undefined;
  /** To be told when an attempt has ended: the caller may have left meanwhile. */
  readonly heard: () => void;
}

/** All attempts of one form. */
function sendForm(
  runtime: PassRuntime,
  { path, body, failed, isUnread }: FormedRequest,
  { caller, turn, waiting, fate, observer, heard }: AttemptContext,
): Promise<unknown> {
  return sendResilient(runtime, {
    method: 'POST',
    path,
    lane: 'train',
    body,
    scope: {
      signal: waiting,
      deadlineAt: Number.POSITIVE_INFINITY,
      get onLimit() {
        return fate.isUnknown ? 'wait' : caller.onLimit;
      },
    },
    attemptSignal: turn.signal,
    isPatient: true,
    isFinal: () => isUnread() || (fate.isUnknown && !runtime.serverDeduplicates),
    onSend() {
      fate.sent();
      observer?.onSend();
    },
    onRefused() {
      fate.refused();
      heard();
    },
    onFailure(error) {
      // What was not read was not taken, even where the answer is a 500.
      if (failed(error, fate.isInFlight)) fate.refused();
      else fate.failed(error);
      observer?.onFailure(error);
      heard();
    },
  });
}

/** A save that was lost on its way may have been made nevertheless. */
async function recovered(
  runtime: PassRuntime,
  { recover }: NumberedRequest,
  error: unknown,
  since: number,
): Promise<SettledSubmission | undefined> {
  if (recover === undefined || !isTinkerError(error, 'http_status') || error.status !== 409) return undefined;
  return runtime.scopes.run({}, (scope) => recover(scope, since)).catch(() => undefined);
}
