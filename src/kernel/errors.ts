import type { TinkerBatchError } from './batch-error.ts';
import type { TinkerBudgetError } from './budget-error.ts';
import type { TinkerCircuitOpenError, TinkerLimitError } from './limit-errors.ts';
import type { TinkerPartialError } from './partial-error.ts';
import type { TinkerAmbiguousSubmitError, TinkerPoisonedError } from './submission-errors.ts';
import { timeoutHint } from './timeout-hint.ts';
import type { TinkerUnsupportedError } from './unsupported-error.ts';

const brand = /* @__PURE__ */ Symbol.for('isotinker.error');

/** Whose turn it is: yours (`user`), the server's, the network's, a limit's, the protocol's, or nobody's. */
export type TinkerErrorCategory = 'user' | 'server' | 'network' | 'limit' | 'protocol' | 'expired' | 'closed';

/** What every error of this package can carry beside its message. */
export interface TinkerErrorDetails {
  readonly cause?: unknown;
  /** Whether doing the same again can help. Decided where the error is made. @default false */
  readonly retryable?: boolean | undefined;
  /** Id of the server-side operation, where one exists. */
  readonly requestId?: string | undefined;
  /** One line on what to do next. */
  readonly hint?: string | undefined;
}

/**
 * Base of every error this package makes. The caller's own abort is *not* wrapped: a call that was aborted rejects
 * with `signal.reason`, the same object. Recognise one with {@link isTinkerError}.
 */
export class TinkerError extends Error {
  override readonly name: string = 'TinkerError';
  /** What happened. */
  readonly code: TinkerErrorCode;
  /** Whose turn it is. */
  readonly category: TinkerErrorCategory;
  /** Whether doing the same again can help. */
  readonly retryable: boolean;
  /** Id of the server-side operation, where one exists. */
  readonly requestId: string | undefined;
  /** One line on what to do next; also at the end of the message. */
  readonly hint: string | undefined;
  /** Attempts made before this error was given to the caller; 1 unless a retry loop raised it. */
  attempts = 1;

  /** @internal */
  constructor(
    code: TinkerErrorCode,
    category: TinkerErrorCategory,
    message: string,
    details: TinkerErrorDetails = {},
  ) {
    super(
      // A server's words may end with a full stop of their own.
      details.hint === undefined ? message : `${message.replace(/\.$/, '')}. ${details.hint}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.category = category;
    this.retryable = details.retryable ?? false;
    this.requestId = details.requestId;
    this.hint = details.hint;
    Object.defineProperty(this, brand, { value: true });
  }

  /** What a log should keep: also the name and the message, which `JSON.stringify` leaves out of errors. */
  toJSON(): Record<string, unknown> {
    const { name, message, cause, ...rest } = this;
    const because = cause instanceof Error ? { cause: `${cause.name}: ${cause.message}` } : {};
    return { name, message, ...rest, ...because };
  }
}

/** An option or argument is wrong: `input_invalid`. Thrown before anything is sent. */
export class TinkerInputError extends TinkerError {
  override readonly name = 'TinkerInputError';
  /** Path of the offending field, e.g. `data[3].lossFnInputs.weights`. */
  readonly field: string;

  /** @internal */
  constructor(field: string, expected: string, details: TinkerErrorDetails = {}) {
    super('input_invalid', 'user', `"${field}" ${expected}`, details);
    this.field = field;
  }
}

/** No answer arrived: refused, cut, DNS, TLS, CORS: `connection_failed`. */
export class TinkerConnectionError extends TinkerError {
  override readonly name = 'TinkerConnectionError';
  /** It is certain that nothing reached the server: the connection was refused, or the name has no address. */
  readonly isUnsent: boolean;
  /** It was not even tried, because something of yours failed: the `apiKey` function. It says nothing of the server. */
  readonly isLocal: boolean;

  /** @internal */
  constructor(
    message: string,
    details: TinkerErrorDetails & { readonly isUnsent?: boolean; readonly isLocal?: boolean } = {},
  ) {
    super('connection_failed', 'network', message, { retryable: true, ...details });
    this.isLocal = details.isLocal ?? false;
    this.isUnsent = this.isLocal || (details.isUnsent ?? false);
  }
}

/** What {@link TinkerTimeoutError} knows of the operation that ran out of time. */
export interface TimeoutDetails extends TinkerErrorDetails {
  /** Status of the last answer that settled nothing, e.g. 503; 0 where there was no connection. */
  readonly lastStatus?: number | undefined;
  /** How often the result had been asked for. */
  readonly polls?: number | undefined;
  /** Whether the server had accepted the work, so that it may still run there, and be billed. */
  readonly mayContinue?: boolean | undefined;
}

/** A time limit ran out: `timed_out`. */
export class TinkerTimeoutError extends TinkerError {
  override readonly name = 'TinkerTimeoutError';
  /**
   * `attempt`: one HTTP exchange; `operation`: the whole call (`timeoutMs`); `wait`: one `result({ timeoutMs })`;
   * `progress`: no sample of the account ended for so long that they count as stuck (protocol 5.8).
   */
  readonly scope: 'attempt' | 'operation' | 'wait' | 'progress';
  /** The limit that ran out, in milliseconds. */
  readonly limitMs: number;
  /** Status of the last answer that settled nothing, e.g. 503; 0 where there was no connection. */
  readonly lastStatus: number | undefined;
  /** How often the result had been asked for. */
  readonly polls: number;
  /** Whether the server had accepted the work, so that it may still run there, and be billed. */
  readonly mayContinue: boolean;

  /** @internal */
  constructor(scope: TinkerTimeoutError['scope'], limitMs: number, last = '', details: TimeoutDetails = {}) {
    super('timed_out', 'network', `No result within ${limitMs} ms (${scope})${last && `; ${last}`}`, {
      retryable: scope === 'attempt',
      hint: timeoutHint(scope, details),
      ...details,
    });
    this.scope = scope;
    this.limitMs = limitMs;
    this.lastStatus = details.lastStatus;
    this.polls = details.polls ?? 0;
    this.mayContinue = details.mayContinue ?? false;
  }
}

/** What {@link TinkerApiError} knows of the answer. */
export interface ApiErrorDetails extends TinkerErrorDetails {
  /** The server's own wait hint in milliseconds, as sent. */
  readonly retryAfterMs?: number | undefined;
  /** The parsed body, or its text, at most a few kilobytes. */
  readonly body?: unknown;
}

/** The server answered with a status other than 2xx: `http_status`. */
export class TinkerApiError extends TinkerError {
  override readonly name = 'TinkerApiError';
  /** HTTP status; 0 for a redirect of which a page may see nothing else. */
  readonly status: number;
  /** The server's own wait hint in milliseconds, as sent. */
  readonly retryAfterMs: number | undefined;
  /** The parsed body, or its text, at most a few kilobytes; the credential is taken out. */
  readonly body: unknown;

  /** @internal */
  constructor(status: number, message: string, details: ApiErrorDetails = {}) {
    super('http_status', categoryOf(status), message, details);
    this.status = status;
    this.retryAfterMs = details.retryAfterMs;
    this.body = details.body;
  }
}

/** A success whose body is not what the protocol says: `response_invalid`. */
export class TinkerResponseError extends TinkerError {
  override readonly name = 'TinkerResponseError';

  /** @internal */
  constructor(message: string, details: TinkerErrorDetails = {}) {
    super('response_invalid', 'protocol', message, details);
  }
}

/** The server accepted an operation and then failed it: `operation_failed`, or `result_expired` for a lost result. */
export class TinkerOperationError extends TinkerError {
  override readonly name = 'TinkerOperationError';

  /** @internal */
  constructor(
    code: 'operation_failed' | 'result_expired',
    category: 'user' | 'server' | 'expired',
    message: string,
    details: TinkerErrorDetails = {},
  ) {
    super(code, category, message, details);
  }
}

/** The client (or its service) was closed: `client_closed`. */
export class TinkerClosedError extends TinkerError {
  override readonly name = 'TinkerClosedError';

  /** @internal */
  constructor(message = 'The client is closed') {
    super('client_closed', 'closed', message, { hint: 'Create another one to go on' });
  }
}

/** The class of each code's errors: what {@link isTinkerError} narrows to. */
export interface TinkerErrorByCode {
  readonly input_invalid: TinkerInputError;
  readonly connection_failed: TinkerConnectionError;
  readonly timed_out: TinkerTimeoutError;
  readonly http_status: TinkerApiError;
  readonly response_invalid: TinkerResponseError;
  readonly unsupported_by_server: TinkerUnsupportedError;
  readonly operation_failed: TinkerOperationError;
  readonly result_expired: TinkerOperationError;
  readonly partly_failed: TinkerPartialError;
  readonly limit_reached: TinkerLimitError;
  readonly circuit_open: TinkerCircuitOpenError;
  readonly budget_exceeded: TinkerBudgetError;
  readonly submit_ambiguous: TinkerAmbiguousSubmitError;
  readonly client_poisoned: TinkerPoisonedError;
  readonly batch_incomplete: TinkerBatchError;
  readonly client_closed: TinkerClosedError;
}

/** What happened, for `switch`. Stable within a major version. */
export type TinkerErrorCode = keyof TinkerErrorByCode;

/** Recognise an error of this package, also across duplicated copies of it and across realms. */
export function isTinkerError(value: unknown): value is TinkerError;
export function isTinkerError<C extends TinkerErrorCode>(
  value: unknown,
  code: C,
): value is TinkerErrorByCode[C] & {
  /** The one that was asked for. */
  readonly code: C;
};
export function isTinkerError(value: unknown, code?: TinkerErrorCode): boolean {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return code === undefined || (value as { code?: unknown }).code === code;
}

function categoryOf(status: number): TinkerErrorCategory {
  if (status === 402 || status === 429) return 'limit';
  return status >= 500 || status === 408 ? 'server' : 'user';
}
