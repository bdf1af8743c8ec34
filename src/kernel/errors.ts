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

  constructor(
    code: TinkerErrorCode,
    category: TinkerErrorCategory,
    message: string,
    details: TinkerErrorDetails = {},
  ) {
    super(
      details.hint === undefined ? message : `${message}. ${details.hint}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.category = category;
    this.retryable = details.retryable ?? false;
    this.requestId = details.requestId;
    this.hint = details.hint;
    Object.defineProperty(this, brand, { value: true });
  }
}

/** An option or argument is wrong: `input_invalid`. Thrown before anything is sent. */
export class TinkerInputError extends TinkerError {
  override readonly name = 'TinkerInputError';
  /** Path of the offending field, e.g. `data[3].lossFnInputs.weights`. */
  readonly field: string;

  constructor(field: string, expected: string, details: TinkerErrorDetails = {}) {
    super('input_invalid', 'user', `"${field}" ${expected}`, details);
    this.field = field;
  }
}

/** No answer arrived: refused, cut, DNS, TLS, CORS: `connection_failed`. */
export class TinkerConnectionError extends TinkerError {
  override readonly name = 'TinkerConnectionError';

  constructor(message: string, details: TinkerErrorDetails = {}) {
    super('connection_failed', 'network', message, { retryable: true, ...details });
  }
}

/** A time limit ran out: `timed_out`. */
export class TinkerTimeoutError extends TinkerError {
  override readonly name = 'TinkerTimeoutError';
  /** `attempt`: one HTTP exchange; `operation`: the whole call (`timeoutMs`); `wait`: one `result({ timeoutMs })`. */
  readonly scope: 'attempt' | 'operation' | 'wait';
  /** The limit that ran out, in milliseconds. */
  readonly limitMs: number;

  constructor(
    scope: TinkerTimeoutError['scope'],
    limitMs: number,
    last = '',
    details: TinkerErrorDetails = {},
  ) {
    super('timed_out', 'network', `No result within ${limitMs} ms (${scope})${last && `; ${last}`}`, {
      retryable: scope === 'attempt',
      ...details,
    });
    this.scope = scope;
    this.limitMs = limitMs;
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

  constructor(message: string, details: TinkerErrorDetails = {}) {
    super('response_invalid', 'protocol', message, details);
  }
}

/** The server accepted an operation and then failed it: `operation_failed`, or `result_expired` for a lost result. */
export class TinkerOperationError extends TinkerError {
  override readonly name = 'TinkerOperationError';

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

  constructor(message = 'The client is closed') {
    super('client_closed', 'closed', message);
  }
}

/**
 * A numbered training request may or may not have reached the server, so no later one can be numbered safely:
 * `client_poisoned`. Save nothing more with this client; continue from the last checkpoint with a new one.
 */
export class TinkerPoisonedError extends TinkerError {
  override readonly name = 'TinkerPoisonedError';
  /** Sequence id of the request whose fate is unknown. */
  readonly sequenceId: number;

  constructor(sequenceId: number, cause: unknown) {
    super('client_poisoned', 'protocol', `Training request ${sequenceId} was sent but its fate is unknown`, {
      cause,
      hint: 'Continue from the last checkpoint with a new training client',
    });
    this.sequenceId = sequenceId;
  }
}

/** The class of each code's errors: what {@link isTinkerError} narrows to. */
export interface TinkerErrorByCode {
  readonly input_invalid: TinkerInputError;
  readonly connection_failed: TinkerConnectionError;
  readonly timed_out: TinkerTimeoutError;
  readonly http_status: TinkerApiError;
  readonly response_invalid: TinkerResponseError;
  readonly operation_failed: TinkerOperationError;
  readonly result_expired: TinkerOperationError;
  readonly client_poisoned: TinkerPoisonedError;
  readonly client_closed: TinkerClosedError;
}

/** What happened, for `switch`. Stable within a major version. */
export type TinkerErrorCode = keyof TinkerErrorByCode;

/** Recognise an error of this package, also across duplicated copies of it and across realms. */
export function isTinkerError(value: unknown): value is TinkerError;
export function isTinkerError<C extends TinkerErrorCode>(
  value: unknown,
  code: C,
): value is TinkerErrorByCode[C] & { readonly code: C };
export function isTinkerError(value: unknown, code?: TinkerErrorCode): boolean {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return code === undefined || (value as { code?: unknown }).code === code;
}

function categoryOf(status: number): TinkerErrorCategory {
  if (status === 402 || status === 429) return 'limit';
  return status >= 500 || status === 408 ? 'server' : 'user';
}
