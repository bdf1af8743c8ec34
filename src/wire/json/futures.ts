import { show } from '../../kernel/checks.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';
import { clipped, jsonText } from '../../kernel/json-text.ts';
import type { QueueState } from '../types/server.ts';
import { asRecord } from './as-record.ts';

/** Answer to a submission: the future it opened. */
export interface SubmittedFuture {
  readonly requestId: string;
  /** Id of the model it is about, where the server names it. */
  readonly modelId?: string | undefined;
  /** Ids of the sequences that are sampled, where the server names them (servers.md 2.1 item 20). */
  readonly sequenceIds?: readonly string[] | undefined;
}

/** A submission that turns out to have been carried out already, with its result. */
export interface SettledSubmission {
  readonly settled: unknown;
}

/** Longest id, and longest words of the server that are handed on, in characters. */
const MAX_ID_LENGTH = 1_000;
const MAX_WORDS_LENGTH = 500;

/**
 * Read a submission's answer. The id is an opaque string; servers that send a number, or name it otherwise, are
 * understood (servers.md 2.1 items 9 and 14).
 *
 * @throws TinkerResponseError - where there is none.
 */
export function readSubmitted(body: unknown): SubmittedFuture {
  const { request_id, future_id, id, model_id, sample_sequence_ids: ids } = asRecord(body);
  const requestId = request_id ?? future_id ?? id;
  const modelId = typeof model_id === 'string' && model_id !== '' ? { modelId: model_id } : {};
  // Ids of what came are told apart by their places: one that cannot be read makes all of them worthless.
  const sequenceIds =
    Array.isArray(ids) && ids.every(isId) ? { sequenceIds: ids.map((one) => String(one)) } : {};
  if (isId(requestId)) return { requestId: String(requestId), ...modelId, ...sequenceIds };
  const got = body instanceof Uint8Array ? `${body.length} bytes` : (jsonText(body) ?? show(body));
  throw new TinkerResponseError(
    `The server accepted the request without a request_id that can be read: ${clipped(got, 200)}`,
  );
}

/** A number that JSON has made inexact is the id of something else. */
function isId(value: unknown): value is string | number {
  if (typeof value === 'string') return value !== '' && value.length <= MAX_ID_LENGTH;
  return Number.isSafeInteger(value);
}

/** What one poll of a future said. */
export type PolledFuture =
  | {
      readonly kind: 'pending';
      readonly queueState?: QueueState;
      readonly reason?: string;
      readonly hintMs?: number;
    }
  | { readonly kind: 'metadata'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly message: string; readonly category: 'user' | 'server' | 'unknown' }
  | { readonly kind: 'done'; readonly body: unknown };

/** Read the body of a 2xx answer of `retrieve_future` (protocol 3.2, in its order). */
export function readPolled(body: unknown): PolledFuture {
  // A protobuf is always a result.
  if (body instanceof Uint8Array) return { kind: 'done', body };
  const record = asRecord(body);
  if (record['type'] === 'try_again') return readPending(body);
  if (record['status'] === 'complete_metadata') {
    const size = record['response_payload_size'];
    return {
      kind: 'metadata',
      bytes: Number.isSafeInteger(size) && (size as number) > 0 ? (size as number) : 0,
    };
  }
  if ('error' in record) {
    return { kind: 'failed', message: describeFailure(body), category: readCategory(record['category']) };
  }
  return { kind: 'done', body };
}

/** Read what a pending answer says beside being pending; any body, or none, will do (item 24). */
export function readPending(body: unknown): PolledFuture & { kind: 'pending' } {
  const { queue_state, queue_state_reason, retry_after_ms } = asRecord(body);
  return {
    kind: 'pending',
    ...(typeof queue_state === 'string'
      ? { queueState: clipped(queue_state, MAX_WORDS_LENGTH).toLowerCase() }
      : {}),
    ...(typeof queue_state_reason === 'string'
      ? { reason: clipped(queue_state_reason, MAX_WORDS_LENGTH) }
      : {}),
    ...(typeof retry_after_ms === 'number' && retry_after_ms >= 0 ? { hintMs: retry_after_ms } : {}),
  };
}

/** As {@link describeProblem}, but nothing where there are no words: what stands beside them is no reason. */
function describeFailure(body: unknown): string {
  const { error, detail, error_message, message } = asRecord(body);
  const hasWords = [error, detail, error_message, message].some((part) => wordsOf(part) !== undefined);
  return hasWords ? describeProblem(body) : '';
}

/** The server's own words about a failure, wherever it puts them (item 35); at most 500 characters. */
export function describeProblem(body: unknown): string {
  const { error, detail, error_message, message } = asRecord(body);
  const said = [error, detail, error_message, message, body]
    .map(wordsOf)
    .find((words) => words !== undefined);
  return clipped(said ?? '', MAX_WORDS_LENGTH);
}

function wordsOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (Array.isArray(value)) {
    const parts = value.map((item) => {
      const { loc, msg } = asRecord(item);
      const parts = Array.isArray(loc) ? loc.filter((part) => isId(part)) : [];
      const at = parts.length > 0 ? `${parts.join('.')}: ` : '';
      return typeof msg === 'string' ? at + msg : (jsonText(item) ?? show(item));
    });
    return parts.join('; ') || undefined;
  }
  const { message } = asRecord(value);
  if (typeof message === 'string') return message;
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
    ? (jsonText(value) ?? show(value))
    : undefined;
}

function readCategory(value: unknown): 'user' | 'server' | 'unknown' {
  const category = typeof value === 'string' ? value.toLowerCase() : '';
  if (category === 'user') return 'user';
  return category === 'server' || category === 'system' ? 'server' : 'unknown';
}
