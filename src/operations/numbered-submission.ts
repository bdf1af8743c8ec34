import { linkAbort } from '../kernel/abort.ts';
import { isTinkerError } from '../kernel/errors.ts';
import type { BinaryBody } from '../transport/transport.ts';
import { readSubmitted, type SettledSubmission, type SubmittedFuture } from '../wire/json/futures.ts';
import type { SubmissionObserver } from './operation-view.ts';
import { takePermit } from './permit.ts';
import { type Runtime, sendResilient } from './runtime.ts';
import type { Scope } from './scope.ts';
import { createSubmissionFate, type SubmissionFate } from './submission-fate.ts';
import type { BodyForm, BodyForms } from './wire-format.ts';

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
  runtime: Runtime,
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
  runtime: Runtime,
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

/** A request in one of its forms, and what its failures say of the form. */
interface FormedRequest {
  readonly form: BodyForm;
  readonly path: string;
  readonly body: object | BinaryBody;
  /** Hear of the failure of an attempt. @returns whether the server answered that it does not read this form. */
  failed(error: unknown, wasSent: boolean): boolean;
  /** Whether the last failure is a reason to try the next form. */
  isUnread(): boolean;
}

/** What a form is filled with, and who waits for it. */
interface FormContext {
  readonly sequenceId: number;
  readonly signal: AbortSignal;
}

/**
 * Send in the best form; where the server seems not to read it, in the next, under the same number (servers.md 2.1
 * items 1 to 3). The last one's failure is the request's; only where the network was to blame, and the last form is
 * refused, the one before it has a second chance.
 */
async function inSomeForm(
  { forms }: Runtime,
  request: NumberedRequest,
  context: FormContext,
  send: (form: FormedRequest) => Promise<unknown>,
): Promise<unknown> {
  const { protobuf } = request;
  const sendProving = async (formed: FormedRequest): Promise<unknown> => {
    const answer = await send(formed);
    if (protobuf !== undefined) forms.accepted(formed.form);
    return answer;
  };
  const candidates = protobuf === undefined ? (['json'] as const) : forms.candidates();
  let wasCut: FormedRequest | undefined;
  for (const [index, form] of candidates.entries()) {
    const isLast = index === candidates.length - 1;
    const formed = await formOf(forms, request, form, context, isLast);
    try {
      return await sendProving(formed);
    } catch (error) {
      if (!isTinkerError(error)) throw error;
      if (isLast && wasCut !== undefined && isTinkerError(error, 'http_status'))
        return sendProving({ ...wasCut, failed: () => false, isUnread: () => false });
      if (!formed.isUnread()) throw error;
      wasCut = error.code === 'connection_failed' ? formed : undefined;
    }
  }
  throw new RangeError('A request has at least one form');
}

async function formOf(
  forms: BodyForms,
  request: NumberedRequest,
  form: BodyForm,
  { sequenceId, signal }: FormContext,
  isLast: boolean,
): Promise<FormedRequest> {
  let cuts = 0;
  let wasUnread = false;
  const isUnread = (): boolean => wasUnread;
  const failed = (error: unknown, wasSent: boolean): boolean => {
    cuts = wasSent && isTinkerError(error, 'connection_failed') && !error.isUnsent ? cuts + 1 : 0;
    // What never left, e.g. for want of a token, says nothing of the form.
    wasUnread = wasSent && !isLast && isTinkerError(error) && forms.isUnread(form, error, cuts);
    return wasUnread && isTinkerError(error, 'http_status');
  };
  const { protobuf } = request;
  if (form === 'json' || protobuf === undefined)
    return { form, path: request.path, body: request.body(sequenceId), failed, isUnread };
  const body = await forms.encode(form, protobuf.encode(sequenceId), signal);
  return { form, path: protobuf.path, body, failed, isUnread };
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
  runtime: Runtime,
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
  runtime: Runtime,
  { recover }: NumberedRequest,
  error: unknown,
  since: number,
): Promise<SettledSubmission | undefined> {
  if (recover === undefined || !isTinkerError(error, 'http_status') || error.status !== 409) return undefined;
  return runtime.scopes.run({}, (scope) => recover(scope, since)).catch(() => undefined);
}
