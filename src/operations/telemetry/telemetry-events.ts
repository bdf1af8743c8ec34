import type { TelemetryNews } from '../../wire/json/telemetry.ts';

/**
 * What an event of the client's own may carry. Nothing else is sent: text that was made by a user or a server, headers
 * and tokens have no field here.
 */
export interface TelemetryData {
  /** Name of the operation, e.g. `forward_backward`. */
  readonly operation?: string | undefined;
  /** The server's id of the operation. */
  readonly requestId?: string | undefined;
  /** Kind of request, e.g. `ForwardBackward`. */
  readonly requestType?: string | undefined;
  /** HTTP status; 0 where there was no answer. */
  readonly status?: number | undefined;
  /** What was concluded from an answer, e.g. `retry`. */
  readonly kind?: string | undefined;
  /** Name of an error's class. */
  readonly errorType?: string | undefined;
  /** Whose fault an operation's failure is, as the server said. */
  readonly errorCategory?: 'user' | 'server' | 'unknown' | undefined;
  readonly isUserError?: boolean | undefined;
  readonly isRetryable?: boolean | undefined;
  /** Attempts made. */
  readonly attempts?: number | undefined;
  /** Polls made. */
  readonly iteration?: number | undefined;
  readonly elapsedMs?: number | undefined;
}

/** Texts are names and ids, so they are short. */
const TEXT_LENGTH = 200;

/** An event of the client's own (protocol 6.4), as far as its data may be sent. */
export function genericNews(name: string, data: TelemetryData): TelemetryNews {
  const { errorCategory, elapsedMs } = data;
  const fields = {
    func: shortText(data.operation),
    request_id: shortText(data.requestId),
    request_type: shortText(data.requestType),
    status_code: finite(data.status),
    kind: shortText(data.kind),
    exception_type: shortText(data.errorType),
    // In lower case in answers, but not here (protocol 9 item 12).
    error_category: shortText(
      errorCategory && errorCategory.charAt(0).toUpperCase() + errorCategory.slice(1),
    ),
    is_user_error: flag(data.isUserError),
    is_retryable: flag(data.isRetryable),
    attempt_count: finite(data.attempts),
    iteration: finite(data.iteration),
    elapsed_time: finite(elapsedMs === undefined ? undefined : elapsedMs / 1_000),
  };
  const eventData = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return { event: 'GENERIC_EVENT', eventName: shortText(name) ?? '', eventData };
}

/** How long a session lasted, `[D day[s], ]H:MM:SS[.ffffff]`: what servers are used to (protocol 6.1). */
export function sessionDuration(ms: number): string {
  const microseconds = Math.round(Math.max(0, ms) * 1_000);
  const seconds = Math.floor(microseconds / 1_000_000);
  const two = (n: number): string => String(n % 60).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3_600) % 24;
  const fraction = microseconds % 1_000_000;
  return [
    days === 0 ? '' : `${days} day${days === 1 ? '' : 's'}, `,
    `${hours}:${two(Math.floor(seconds / 60))}:${two(seconds)}`,
    fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`,
  ].join('');
}

function shortText(value: string | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, TEXT_LENGTH) : undefined;
}

function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function flag(value: boolean | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}
