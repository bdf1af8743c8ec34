import { sleep } from '../kernel/abort.ts';
import {
  isTinkerError,
  type TinkerApiError,
  type TinkerError,
  TinkerOperationError,
  TinkerResponseError,
} from '../kernel/errors.ts';
import { BILLING_RETRY_MS } from '../policy/billing-pause.ts';
import { freshPacing, type PollOutcome, pacePoll } from '../policy/poll-pacing.ts';
import { createRepetition } from '../policy/repetition.ts';
import { type AnswerKind, answerKind, PERMANENT, STATUS_RULES } from '../policy/status-rules.ts';
import { describeProblem, type PolledFuture, readPending, readPolled } from '../wire/json/futures.ts';
import type { Runtime } from './runtime.ts';
import type { Scope } from './scope.ts';
import { sendTolerant } from './strict-fields.ts';

/** Limit of one poll: longer than servers hold it, shorter than proxies and runtimes allow (servers.md 2.1 item 25). */
const LEG_TIMEOUT_MS = 45_000;
/** Unreadable answers in a row with which the result is given up: repeating does not mend them. */
const MAX_UNREADABLE = 3;
/** Repetitions of a 400 with nothing in it, over the life of a future (protocol 3.3). */
const EMPTY_400_REPEATS = 3;

/** What is asked for. */
export interface PollTarget {
  readonly requestId: string;
  /** The protocol's word for the operation (3.1), which some servers count by. */
  readonly type: RequestType;
  /** Its result may come as protobuf, and its size before it. @default false */
  readonly isLarge?: boolean | undefined;
  /** From the call to the submission's answer, in milliseconds; told with the first poll. */
  readonly submittedMs?: number | undefined;
}

/** Names of operations in `X-Tinker-Request-Type` (protocol 3.1). */
export type RequestType =
  | 'CreateModel'
  | 'Forward'
  | 'ForwardBackward'
  | 'OptimStep'
  | 'SaveWeights'
  | 'LoadWeights'
  | 'SaveWeightsForSampler'
  | 'Sample'
  | 'UnloadModel';

/** Hears what each poll said: the server's word and its status, what went wrong, or nothing at all. */
export type PollListener = (heard: PolledFuture | TinkerError | undefined, status?: number) => void;

/** What a turn that settled nothing means for the next one; with `waitMs` that is settled too. */
type Unsettled = Pick<PollOutcome, 'kind' | 'status' | 'hintMs'> & { readonly waitMs?: number };

/**
 * Ask for a future's result until it is there (protocol 3). Bounded by the scope alone, which carries the caller's
 * abort and the operation's deadline; what each answer means is in {@link STATUS_RULES}, the pace in {@link pacePoll}.
 *
 * A large result is announced first (protocol 3.4); it is fetched when the account's budget of bytes has room for it.
 *
 * @returns the result's JSON, or its bytes where it is protobuf.
 * @throws TinkerOperationError - where the server failed the operation, or lost its result.
 * @throws TinkerApiError - for a status that no repetition mends, and for the same 5xx too often in a row.
 * @throws TinkerResponseError - where the answers cannot be read, three times in a row; where a result is announced twice.
 */
export async function pollFuture(
  runtime: Runtime,
  target: PollTarget,
  scope: Pick<Scope, 'signal' | 'deadlineAt'>,
  listen: PollListener,
): Promise<unknown> {
  let release = (): void => {};
  try {
    return await pollToResult(runtime, target, scope, listen, async (bytes) => {
      release = await runtime.account.responseBytes.acquire(scope.signal, bytes);
    });
  } finally {
    release();
  }
}

async function pollToResult(
  runtime: Runtime,
  target: PollTarget,
  scope: Pick<Scope, 'signal' | 'deadlineAt'>,
  listen: PollListener,
  makeRoom: (bytes: number) => Promise<void>,
): Promise<unknown> {
  const { clock, random, pollPolicy } = runtime;
  const { requestId } = target;
  const { signal, deadlineAt } = scope;
  const judge = createJudge(runtime, requestId, listen);
  let pacing = freshPacing;
  let isAnnounced = false;
  for (let iteration = 0; ; iteration++) {
    // Not the wait for a connection: an answer that came at once is no long poll for having been asked for late.
    let sentAt: number | undefined;
    let unsettled: Unsettled | undefined;
    let failed: (PolledFuture & { kind: 'failed' }) | undefined;
    let repeated: TinkerResponseError | undefined;
    try {
      const body = await sendTolerant(runtime, {
        ...pollRequest(runtime, target, iteration, isAnnounced),
        signal,
        deadlineAt,
        onSend: () => {
          sentAt = clock.monotonic();
        },
      });
      const polled = readPolled(body);
      listen(polled, 200);
      if (polled.kind === 'done') return polled.body;
      judge.answered();
      if (polled.kind === 'failed') failed = polled;
      else if (polled.kind === 'pending') unsettled = afterPending(polled, 200);
      else if (isAnnounced) repeated = announcedTwice(requestId);
      else {
        isAnnounced = true;
        await makeRoom(polled.bytes);
        continue;
      }
    } catch (error) {
      // First: the caller's reason may itself be an error of ours, and must not be taken for the server's.
      signal.throwIfAborted();
      if (!isTinkerError(error)) throw error;
      unsettled = judge.failed(error);
    }
    if (repeated !== undefined) throw repeated;
    // Out here: it is the operation's end, and no trouble with the poll.
    if (unsettled === undefined)
      throw operationFailed(failed?.message ?? '', failed?.category ?? 'unknown', requestId);
    const now = clock.monotonic();
    const outcome = { ...unsettled, elapsedMs: now - (sentAt ?? now) };
    const paced = pacePoll(pacing, outcome, pollPolicy, random);
    pacing = paced.pacing;
    const leftMs = Math.max(0, deadlineAt - now);
    await sleep(clock, Math.min(unsettled.waitMs ?? paced.delayMs, leftMs), signal);
  }
}

function announcedTwice(requestId: string): TinkerResponseError {
  const words = 'The server announced the result again in place of sending it';
  return new TinkerResponseError(words, { requestId });
}

/** One poll. What only describes it is left out in a page, where each header more is one that a proxy must allow. */
function pollRequest(
  { pollPolicy, settings, describesRequests, wireFormat }: Runtime,
  { requestId, type, isLarge = false, submittedMs }: PollTarget,
  iteration: number,
  isAnnounced: boolean,
) {
  const roundTrip =
    iteration === 0 && submittedMs !== undefined
      ? { 'x-tinker-create-promise-roundtrip-time': String(submittedMs / 1_000) }
      : {};
  const described = {
    'x-tinker-request-iteration': String(iteration),
    'x-tinker-request-type': type,
    ...roundTrip,
  };
  // Only servers that are known to know the field are sent it (servers.md 2.1 item 32).
  const isAsking = isLarge && settings.isServed && !isAnnounced;
  return {
    method: 'POST',
    path: '/api/v1/retrieve_future',
    lane: 'poll',
    body: { request_id: requestId, ...(isAsking ? { allow_metadata_only: true } : {}) },
    headers: describesRequests ? described : {},
    ...(isLarge && wireFormat !== 'json' ? { accept: 'application/x-protobuf, application/json' } : {}),
    timeoutMs: LEG_TIMEOUT_MS,
    requestId,
    onLimit: 'wait',
    isDeafToHints: pollPolicy.kind === 'python',
  } as const;
}

function afterPending({ queueState, hintMs }: PolledFuture & { kind: 'pending' }, status: number): Unsettled {
  return { kind: queueState?.startsWith('paused') === true ? 'paused' : 'pending', status, hintMs };
}

/** What errors mean for one future's polls: a reason to ask again, or the end. */
interface Judge {
  /** A poll was answered: what was counted in a row is over. */
  answered(): void;
  /** @throws the end. */
  failed(error: TinkerError): Unsettled;
}

function createJudge(
  { account, clock, pollPolicy }: Runtime,
  requestId: string,
  listen: PollListener,
): Judge {
  // The official SDK's pace is without end, too.
  const isEndless = pollPolicy.kind === 'python';
  const limits = isEndless ? {} : { '500': PERMANENT.poll500, '5xx': PERMANENT.poll5xx };
  const repetition = createRepetition(clock, limits);
  let unreadable = 0;
  let empty400s = 0;

  function afterStatus(error: TinkerApiError): Unsettled {
    const { status, retryAfterMs: hintMs, body } = error;
    const kind = kindOf(error);
    switch (STATUS_RULES.poll[kind]) {
      case 'poll_again': {
        const pending = readPending(body);
        listen(pending, status);
        return { kind: 'timeout', status, hintMs: hintMs ?? pending.hintMs };
      }
      case 'expired':
        throw expired(error, requestId);
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
        throw operationFailed(describeProblem(body), 'user', requestId, error);
      default:
        throw error;
    }
  }

  return {
    answered() {
      unreadable = 0;
      repetition.reset();
    },
    failed(error) {
      const permanent = repetition.heard(error);
      if (permanent !== undefined) throw permanent;
      unreadable = error.code === 'response_invalid' ? unreadable + 1 : 0;
      if (unreadable >= MAX_UNREADABLE) throw error;
      if (isTinkerError(error, 'http_status')) return afterStatus(error);
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

function expired(cause: TinkerApiError, requestId: string): TinkerOperationError {
  const words = `The result is gone: ${describeProblem(cause.body) || 'expired'}`;
  const hint = 'Submit the request again';
  return new TinkerOperationError('result_expired', 'expired', words, {
    cause,
    requestId,
    hint,
    retryable: true,
  });
}

function operationFailed(
  message: string,
  category: 'user' | 'server' | 'unknown',
  requestId: string,
  cause?: unknown,
): TinkerOperationError {
  const whose = category === 'user' ? 'user' : 'server';
  // A limit that is told as a failure: the work was never begun (servers.md 2.1 item 33).
  const isLimit = /rate limit/i.test(message);
  return new TinkerOperationError('operation_failed', whose, message || 'The server failed the operation', {
    requestId,
    cause,
    retryable: whose === 'server' || isLimit,
    ...(isLimit ? { hint: 'Submit the request again, later' } : {}),
  });
}
