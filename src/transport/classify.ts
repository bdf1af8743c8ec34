import { TinkerApiError, TinkerConnectionError, TinkerResponseError } from '../kernel/errors.ts';
import { clipped } from '../kernel/json-text.ts';
import { platformName } from '../kernel/platform-name.ts';
import { readRetryAfter } from '../policy/retry-after.ts';
import { answerKind, STATUS_RULES } from '../policy/status-rules.ts';
import { describeProblem, readPending } from '../wire/json/futures.ts';
import { connectionAdvice, statusAdvice } from './advice.ts';
import { redact, redactError } from './redact.ts';

/** An answer, read to its end. */
export interface Answer {
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** Empty where a success is protobuf. */
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Id of the operation the request was about, where there is one. */
  readonly requestId: string | undefined;
}

/** Longest part of an error's body that the error keeps. */
const KEPT_BODY_LENGTH = 4_000;

/** Whether an answer says that it is protobuf. */
export function isProtobuf(headers: Headers): boolean {
  return /application\/x-protobuf/i.test(headers.get('content-type') ?? '');
}

/**
 * The JSON of a 2xx answer, or its bytes where it is protobuf; an empty body is `undefined`.
 *
 * @throws TinkerResponseError - retryable where the answer claims to be JSON (it was cut), final where it does not
 *   (this is some other server's page).
 */
export function readBody(answer: Answer): unknown {
  if (answer.text.trim() === '') return isProtobuf(answer.headers) ? answer.bytes : undefined;
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    const contentType = answer.headers.get('content-type') ?? '';
    const isJson = /json/i.test(contentType);
    throw new TinkerResponseError(
      `${answer.path} answered ${answer.status} with ${isJson ? 'malformed JSON' : `"${clipped(contentType, 100)}" instead of JSON`}`,
      {
        cause,
        retryable: isJson,
        requestId: answer.requestId,
        hint: isJson
          ? 'Something may have cut it on the way: try again'
          : 'Is the base URL that of a Tinker server?',
      },
    );
  }
}

/** The error that an answer with another status than 2xx is. @param now - Wall time, for `Retry-After` dates. */
export function statusError(answer: Answer, now: number): TinkerApiError {
  const { status, headers, path, requestId } = answer;
  const body = parseKept(answer.text);
  const said = wordsOf(body);
  const hint = statusAdvice(path, status, said);
  return new TinkerApiError(status, `${path} answered ${describeStatus(answer)}${said && `: ${said}`}`, {
    retryable: mayRetry(answer),
    retryAfterMs: readRetryAfter(headers, now) ?? readPending(body).hintMs,
    body,
    requestId,
    hint,
  });
}

/**
 * The error that a failed exchange is. Each runtime names the failure in its own way, so no name is looked at.
 *
 * @param isAnswered - The answer had begun: the server was reached.
 * @param globals - Where to look for the platform's names. @default `globalThis`
 */
export function connectionError(
  origin: string,
  cause: unknown,
  secrets: readonly string[],
  isAnswered = false,
  globals: object = globalThis,
): TinkerConnectionError {
  const words = redact(describeCause(cause), secrets);
  const mayBeCors = !isAnswered && platformName(globals) === 'browser' && isTypeError(cause);
  const what = isAnswered ? `The answer of ${origin} was cut` : `Could not reach ${origin}`;
  return new TinkerConnectionError(`${what}: ${words}`, {
    cause: redactError(cause, secrets),
    isUnsent: UNSENT.test(words),
    hint: mayBeCors ? CORS_HINT : connectionAdvice(words, isAnswered),
  });
}

/** A page is told no more than that it failed, be it the network or the server's silence about other origins. */
const CORS_HINT =
  'If the page is of another origin, the server must allow it (CORS), which Tinker servers do not: call it through ' +
  'a proxy on the origin of the page, or one that answers preflights';

/** Also where it is the cause of what ky makes of it. */
function isTypeError(cause: unknown): boolean {
  return cause instanceof TypeError || (cause instanceof Error && cause.cause instanceof TypeError);
}

/**
 * How runtimes word that no connection came about, so that nothing can have been sent: Node, Bun and Deno for a refused
 * one, Node and Deno for a name without an address. Pages and Workers tell nothing.
 */
const UNSENT =
  /ECONNREFUSED|ConnectionRefused|connection refused|ENOTFOUND|EAI_AGAIN|failed to lookup address/i;

/** Whether an answer says that the server has no such route, as opposed to no such thing (servers.md 2.1 item 38). */
export function isRouteMissing({ status, body }: TinkerApiError): boolean {
  return status === 405 || status === 501 || (status === 404 && /^not found$/i.test(describeProblem(body)));
}

/** By the rules for requests, unless the server says otherwise (protocol 1.5). */
function mayRetry({ status, headers, text }: Answer): boolean {
  const wish = headers.get('x-should-retry')?.toLowerCase();
  if (wish === 'true' || wish === 'false') return wish === 'true';
  // A 400 with nothing in it comes from a proxy, not from the server.
  const action = STATUS_RULES.request[answerKind(status, text.trim() === '')];
  return action === 'retry' || action === 'retry_thrice';
}

/** A page sees of a redirect only that there was one: status 0. */
function describeStatus({ status, headers }: Answer): string {
  if (status !== 0 && (status < 300 || status > 399)) return String(status);
  const target = headers.get('location');
  return `${status === 0 ? '' : `${status}, `}a redirect${target === null ? '' : ` to ${clipped(target, 200)}`}`;
}

/** The server's own words, or of a page of HTML its title: it comes from something else. */
function wordsOf(body: unknown): string {
  if (typeof body !== 'string' || !/^\s*<(!doctype|html)/i.test(body)) return describeProblem(body);
  const [, title = ''] = /<(?:title|h1)[^>]*>([^<]*)</i.exec(body) ?? [];
  return clipped(title.replace(/^\s*\d{3}\s/, '').trim(), 200) || 'a page of HTML';
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
