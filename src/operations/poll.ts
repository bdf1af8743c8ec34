import { sleep } from '../kernel/abort.ts';
import {
  isTinkerError,
  type TinkerApiError,
  type TinkerError,
  TinkerOperationError,
} from '../kernel/errors.ts';
import { freshPacing, type PollOutcome, pacePoll } from '../policy/poll-pacing.ts';
import { describeProblem, type PolledFuture, readPending, readPolled } from '../wire/json/futures.ts';
import type { Runtime } from './runtime.ts';

/** Limit of one poll: longer than servers hold it, shorter than proxies and runtimes allow (servers.md 2.1 item 25). */
const LEG_TIMEOUT_MS = 45_000;
/** Unreadable answers in a row after which the result is given up: repeating does not mend them. */
const MAX_UNREADABLE = 3;

/** Hears what each poll said: the server's word, or what went wrong. */
export type PollListener = (heard: PolledFuture | TinkerError) => void;

/** What a turn that settled nothing means for the next one. */
type Unsettled = Pick<PollOutcome, 'kind' | 'hintMs'>;

/**
 * Ask for a future's result until it is there (protocol 3). Bounded by `signal` alone, which carries the caller's
 * abort and the operation's deadline; the pace is that of {@link pacePoll}.
 *
 * @returns the result's JSON.
 * @throws TinkerOperationError - where the server failed the operation, or lost its result.
 * @throws TinkerApiError - for a status that no repetition mends.
 * @throws TinkerResponseError - where the answers cannot be read, three times in a row.
 */
export async function pollFuture(
  runtime: Runtime,
  requestId: string,
  signal: AbortSignal,
  listen: PollListener,
): Promise<unknown> {
  const { clock, random, transport } = runtime;
  let pacing = freshPacing;
  let unreadable = 0;
  for (;;) {
    const sentAt = clock.monotonic();
    let unsettled: Unsettled;
    try {
      const body = await transport.send({
        method: 'POST',
        path: '/api/v1/retrieve_future',
        body: { request_id: requestId },
        signal,
        timeoutMs: LEG_TIMEOUT_MS,
        requestId,
      });
      const polled = readPolled(body);
      listen(polled);
      if (polled.kind === 'done') return polled.body;
      if (polled.kind === 'failed') throw operationFailed(polled.message, polled.category, requestId);
      unreadable = 0;
      unsettled = { kind: 'pending', hintMs: polled.hintMs };
    } catch (error) {
      // First: the caller's reason may itself be an error of ours, and must not be taken for the server's.
      signal.throwIfAborted();
      if (!isTinkerError(error)) throw error;
      unreadable = error.code === 'response_invalid' ? unreadable + 1 : 0;
      if (unreadable >= MAX_UNREADABLE) throw error;
      unsettled = afterError(error, requestId, listen);
    }
    const paced = pacePoll(pacing, { ...unsettled, elapsedMs: clock.monotonic() - sentAt }, random);
    pacing = paced.pacing;
    await sleep(clock, paced.delayMs, signal);
  }
}

/** What an error means for a poll: a reason to ask again, or the end. @throws the end. */
function afterError(error: TinkerError, requestId: string, listen: PollListener): Unsettled {
  if (isTinkerError(error, 'http_status')) return afterStatus(error, requestId, listen);
  // The leg's own limit is the long poll's end when the server holds longer than we do.
  if (isTinkerError(error, 'timed_out') && error.retryable) return { kind: 'timeout' };
  if (!error.retryable) throw error;
  listen(error);
  return { kind: error.code === 'connection_failed' ? 'limited' : 'failing' };
}

function afterStatus(error: TinkerApiError, requestId: string, listen: PollListener): Unsettled {
  const { status, retryAfterMs, body } = error;
  if (status === 408) {
    const pending = readPending(body);
    listen(pending);
    return { kind: 'timeout', hintMs: retryAfterMs ?? pending.hintMs };
  }
  if (status === 410) {
    throw new TinkerOperationError(
      'result_expired',
      'expired',
      `The result is gone: ${describeProblem(body) || 'expired'}`,
      {
        cause: error,
        requestId,
        hint: 'Submit the request again',
      },
    );
  }
  if (status === 400 && !error.retryable)
    throw operationFailed(describeProblem(body), 'unknown', requestId, error);
  if (status !== 429 && !error.retryable) throw error;
  listen(error);
  return { kind: status === 429 ? 'limited' : 'failing', hintMs: retryAfterMs };
}

function operationFailed(
  message: string,
  category: 'user' | 'server' | 'unknown',
  requestId: string,
  cause?: unknown,
): TinkerOperationError {
  const whose = category === 'user' ? 'user' : 'server';
  return new TinkerOperationError('operation_failed', whose, message || 'The server failed the operation', {
    requestId,
    cause,
  });
}
