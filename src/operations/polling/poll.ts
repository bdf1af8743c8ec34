import { sleep } from '../../kernel/abort.ts';
import { isTinkerError, TinkerResponseError } from '../../kernel/errors.ts';
import { freshPacing, pacePoll } from '../../policy/poll-pacing.ts';
import { type PolledFuture, readPolled } from '../../wire/json/futures.ts';
import { operationFailed } from '../operation-errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Scope } from '../scope.ts';
import { sendTolerant } from '../strict-fields.ts';
import { createPollJudge, type PollJudge, type PollListener, type Unsettled } from './poll-judge.ts';
import { type PollTarget, pollRequest } from './poll-request.ts';

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
  const room: Room = { release: undefined };
  try {
    return await pollToResult(runtime, target, scope, listen, room);
  } finally {
    room.release?.();
  }
}

/** What a large result takes of the budget of bytes while it is fetched. */
interface Room {
  release: (() => void) | undefined;
}

async function pollToResult(
  runtime: Runtime,
  target: PollTarget,
  scope: Pick<Scope, 'signal' | 'deadlineAt'>,
  listen: PollListener,
  room: Room,
): Promise<unknown> {
  const { clock, random, pollPolicy } = runtime;
  const { signal, deadlineAt } = scope;
  // Most polls need none.
  let judge: PollJudge | undefined;
  let isAnnounced = false;
  let pacing = freshPacing;
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
      judge?.answered();
      if (polled.kind === 'failed') failed = polled;
      else if (polled.kind === 'pending') unsettled = afterPending(polled, 200);
      else if (isAnnounced) repeated = announcedTwice(target.requestId);
      else {
        isAnnounced = true;
        room.release = await runtime.account.responseBytes.acquire(signal, polled.bytes);
        continue;
      }
    } catch (error) {
      // First: the caller's reason may itself be an error of ours, and must not be taken for the server's.
      signal.throwIfAborted();
      if (!isTinkerError(error)) throw error;
      judge ??= createPollJudge(runtime, target, listen);
      unsettled = judge.failed(error, sentAt !== undefined);
    }
    if (repeated !== undefined) throw repeated;
    // Out here: it is the operation's end, and no trouble with the poll.
    if (unsettled === undefined)
      throw operationFailed(target, failed?.message ?? '', failed?.category ?? 'unknown');
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

function afterPending({ queueState, hintMs }: PolledFuture & { kind: 'pending' }, status: number): Unsettled {
  return { kind: queueState?.startsWith('paused') === true ? 'paused' : 'pending', status, hintMs };
}
