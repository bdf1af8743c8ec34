import { json } from '../http/http.ts';
import { HOSTED_REQUEST_IDS, type RequestIds } from '../ids.ts';
import type { OperationFailure } from './operation-failure.ts';
import type { QueueState } from './operation-gate.ts';
import type { ResultEncoding } from './result-encoding.ts';

/** How a result travels. */
export type WireEncoding = 'json' | 'protobuf';

/** How a server words what it has to say of futures; servers differ (servers.md 4). */
export interface FutureDialect {
  /** Ids of futures. */
  readonly requestIds: RequestIds;
  /** How results of an encoding are worded. */
  wording<T>(encoding: ResultEncoding<T>): ResultEncoding<T>;
  /** There is no result yet. */
  pending(requestId: string, queue: QueueState): Response;
  /** The operation failed. */
  failed(requestId: string, failure: OperationFailure): Response;
  /** The id was never given out, or its result is no longer kept. */
  missing(requestId: string, how: 'unknown' | 'expired', queue: QueueState): Response;
  /** The encoding of a result that can have both, given the `Accept` header. */
  encodingFor(accept: string): WireEncoding;
  /** Whether a large result is announced by its size first (protocol 3.4). */
  readonly announcesSize: boolean;
  /** Whether a result can be fetched once only. */
  readonly isOneShot: boolean;
  /** How long a result is kept from the operation's end, in milliseconds. */
  readonly keptMs: number;
  /** How long a poll is held, in milliseconds; undefined leaves it to the emulator's option. */
  readonly holdMs: number | undefined;
}

/** Futures as the hosted service has them (protocol 3). */
export const HOSTED_FUTURES: FutureDialect = {
  requestIds: HOSTED_REQUEST_IDS,
  wording: (encoding) => encoding,
  pending: (requestId, { state, reason }) =>
    json({ type: 'try_again', request_id: requestId, queue_state: state, queue_state_reason: reason }, 408),
  failed: (_, failure) => json(failure),
  missing: (_, how) =>
    how === 'expired'
      ? json({ detail: 'The result has expired' }, 410)
      : json({ detail: 'Future not found' }, 404),
  encodingFor: (accept) => (accept.toLowerCase().includes('application/x-protobuf') ? 'protobuf' : 'json'),
  announcesSize: true,
  isOneShot: false,
  keptMs: Number.POSITIVE_INFINITY,
  holdMs: undefined,
};
