import { isTinkerError, type TinkerError, type TinkerErrorCode } from '../../kernel/errors.ts';
import type { TelemetryNews, TelemetrySeverity } from '../../wire/json/telemetry.ts';

/** Longest text, and longest list, that is sent of an answer. */
const KEPT_LENGTH = 500;
const KEPT_ITEMS = 10;

/** Errors whose message is the server's own words, which tell it nothing new. */
const SERVER_WORDS: readonly TinkerErrorCode[] = [
  'http_status',
  'operation_failed',
  'response_invalid',
  'result_expired',
];

/** Fields of an answer that are about the failure. Others may repeat what was sent: `input`, for one, does. */
const BODY_FIELDS = ['error', 'detail', 'message', 'error_message', 'code', 'type', 'category', 'loc', 'msg'];

/** What this client decided by itself, and the server has no part in. */
const OWN_DECISIONS: readonly TinkerErrorCode[] = ['client_closed', 'budget_exceeded'];

/** Whether a failure is worth telling: the end that somebody put to an operation here is not. */
export function isTold(error: unknown): boolean {
  if (isTinkerError(error)) return !OWN_DECISIONS.includes(error.code);
  return !(error instanceof Error && error.name === 'AbortError');
}

/**
 * What is told of a failure (protocol 6.3): `user_error` where the user's part of it can be seen anywhere in its causes,
 * else `UNHANDLED_EXCEPTION`. Errors that are not of this package give no more than the name of their class: their
 * messages, like all stack traces, may hold anything.
 */
export function failureNews(
  error: unknown,
  severity: TelemetrySeverity,
): { readonly news: TelemetryNews; readonly severity: TelemetrySeverity } {
  const errorType = typeName(error);
  const errorMessage = publicWords(error);
  const inner = userError(error);
  if (inner === undefined) {
    return { news: { event: 'UNHANDLED_EXCEPTION', errorType, errorMessage }, severity };
  }
  const answer = isTinkerError(inner, 'http_status')
    ? { status_code: inner.status, ...bodyField(inner.body) }
    : {};
  const eventData = { error_type: errorType, message: errorMessage, ...answer };
  return { news: { event: 'GENERIC_EVENT', eventName: 'user_error', eventData }, severity: 'WARNING' };
}

/** The first of an error and its causes that is the user's doing. Causes can form a ring. */
function userError(error: unknown): TinkerError | undefined {
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    if (isTinkerError(at) && isUsersDoing(at)) return at;
  }
  return undefined;
}

/** A status says it alone: 402, 409 and 429 count, 408 and redirects do not. */
function isUsersDoing(error: TinkerError): boolean {
  if (!isTinkerError(error, 'http_status')) return error.category === 'user';
  return error.status >= 400 && error.status < 500 && error.status !== 408;
}

/** Name of an error's class, where it looks like one. */
function typeName(error: unknown): string {
  const name: unknown = error instanceof Error ? error.name : typeof error;
  return typeof name === 'string' && /^[\w$]{1,80}$/.test(name) ? name : 'Error';
}

/** What may be said of it: no value of the user's, no address, nothing another library wrote. */
function publicWords(error: unknown): string {
  if (!isTinkerError(error)) return 'not an error of this library; its message is kept back';
  if (SERVER_WORDS.includes(error.code)) return clipped(error.message);
  if (isTinkerError(error, 'input_invalid')) return clipped(`${error.code}: ${error.field}`);
  if (isTinkerError(error, 'timed_out')) return `${error.code}: ${error.scope}, ${error.limitMs} ms`;
  return error.code;
}

function bodyField(body: unknown): { readonly body?: unknown } {
  const kept = publicBody(body, 0);
  return kept === undefined ? {} : { body: kept };
}

/** The part of an answer that is about the failure; `undefined` for none. */
function publicBody(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value === '' ? undefined : clipped(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || depth > 3) return undefined;
  if (Array.isArray(value)) {
    const items = value.slice(0, KEPT_ITEMS).flatMap((item) => publicBody(item, depth + 1) ?? []);
    return items.length === 0 ? undefined : items;
  }
  const fields = BODY_FIELDS.flatMap((name) => {
    const kept = Object.hasOwn(value, name)
      ? publicBody((value as Record<string, unknown>)[name], depth + 1)
      : undefined;
    return kept === undefined ? [] : [[name, kept] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

function clipped(text: string): string {
  return text.length > KEPT_LENGTH ? `${text.slice(0, KEPT_LENGTH)}…` : text;
}
