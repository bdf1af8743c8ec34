import { TinkerApiError, TinkerConnectionError, TinkerResponseError } from '../kernel/errors.ts';
import { readRetryAfter } from '../policy/retry-after.ts';
import { describeProblem } from '../wire/json/futures.ts';
import { redact } from './headers.ts';

/** An answer, read to its end. */
export interface Answer {
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Id of the operation the request was about, where there is one. */
  readonly requestId: string | undefined;
}

/** Longest part of an error's body that the error keeps. */
const KEPT_BODY_LENGTH = 4_000;

/**
 * The JSON of a 2xx answer; an empty body is `undefined`.
 *
 * @throws TinkerResponseError - retryable where the answer claims to be JSON (it was cut), final where it does not
 *   (this is some other server's page).
 */
export function readBody(answer: Answer): unknown {
  if (answer.text.trim() === '') return undefined;
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    const contentType = answer.headers.get('content-type') ?? '';
    const isJson = /json/i.test(contentType);
    throw new TinkerResponseError(
      `${answer.path} answered ${answer.status} with ${isJson ? 'malformed JSON' : `"${contentType}" instead of JSON`}`,
      {
        cause,
        retryable: isJson,
        requestId: answer.requestId,
        ...(isJson ? {} : { hint: 'Is the base URL that of a Tinker server?' }),
      },
    );
  }
}

/** The error that an answer with another status than 2xx is. @param now - Wall time, for `Retry-After` dates. */
export function statusError(answer: Answer, now: number): TinkerApiError {
  const { status, headers, path, requestId } = answer;
  const body = parseKept(answer.text);
  const said = describeProblem(body);
  const hint = hintFor(status, said);
  return new TinkerApiError(status, `${path} answered ${describeStatus(answer)}${said && `: ${said}`}`, {
    retryable: mayRetry(answer),
    retryAfterMs: readRetryAfter(headers, now),
    body,
    requestId,
    hint,
  });
}

/** The error that a failed exchange is. Each runtime names the failure in its own way, so no name is looked at. */
export function connectionError(origin: string, cause: unknown, credential: string): TinkerConnectionError {
  const words = redact(describeCause(cause), credential);
  return new TinkerConnectionError(`Could not reach ${origin}: ${words}`, { cause });
}

/** Protocol 1.5, except that a 409 is final unless the server says otherwise (servers.md 2.1 item 34). */
function mayRetry({ status, headers, text }: Answer): boolean {
  const wish = headers.get('x-should-retry')?.toLowerCase();
  if (wish === 'true' || wish === 'false') return wish === 'true';
  // A 400 with nothing in it comes from a proxy, not from the server.
  if (status === 400) return text.trim() === '';
  return status === 408 || status === 429 || status >= 500;
}

/** A page sees of a redirect only that there was one: status 0. */
function describeStatus({ status, headers }: Answer): string {
  if (status !== 0 && (status < 300 || status > 399)) return String(status);
  const target = headers.get('location');
  return `${status === 0 ? '' : `${status}, `}a redirect${target === null ? '' : ` to ${target}`}`;
}

function hintFor(status: number, said: string): string | undefined {
  if (status < 400) return 'Redirects are not followed with an API key; use the address itself as baseUrl';
  if (status === 401) return 'Check the API key';
  if (status === 402) return 'Check the billing of the account';
  if ((status === 404 && /^not found$/i.test(said)) || status === 405) {
    return 'This server has no such route; is the base URL right?';
  }
  return undefined;
}

function parseKept(text: string): unknown {
  try {
    return text.length > KEPT_BODY_LENGTH ? text.slice(0, KEPT_BODY_LENGTH) : JSON.parse(text);
  } catch {
    return text;
  }
}

/** The innermost reasons are the telling ones: `fetch failed` says less than the `ECONNREFUSED` it wraps. */
function describeCause(cause: unknown): string {
  const words: string[] = [];
  // Four deep at most: causes can form a ring.
  for (let depth = 0, error = cause; error instanceof Error && depth < 4; depth++, error = error.cause) {
    const { code } = error as { code?: unknown };
    const text = error.message || (typeof code === 'string' ? code : error.name);
    if (!words.includes(text)) words.push(text);
  }
  return words.join(': ') || String(cause);
}
