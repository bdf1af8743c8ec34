import ky from 'ky';
import { show } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerConnectionError, TinkerInputError } from '../kernel/errors.ts';
import { withAttemptTimeout } from '../policy/timeout.ts';
import { type Answer, connectionError, readBody, statusError } from './classify.ts';
import { requestHeaders } from './headers.ts';
import { redact, redactHeaders, secretsOf } from './redact.ts';

/** The part of `fetch` the library uses: a whole request in, a response out. */
export type FetchLike = (request: Request) => Promise<Response>;

/** An API key, or a function asked for one before every attempt. */
export type ApiKey = string | (() => string | Promise<string>);

/** What a transport is made of. */
export interface TransportOptions {
  /** Without a trailing slash; the path of a request is appended. */
  readonly baseUrl: string;
  readonly apiKey: ApiKey;
  readonly fetch: FetchLike;
  readonly clock: Clock;
  /** Sent with every request; win over the library's own. */
  readonly defaultHeaders: Readonly<Record<string, string>>;
}

/** One exchange. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  /** From `/api/v1` on. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Aborts the exchange, its body included. */
  readonly signal: AbortSignal;
  /** Limit of the whole exchange, from here to the last byte. */
  readonly timeoutMs: number;
  /** The operation this is about, for errors. */
  readonly requestId?: string | undefined;
  /** Told when the request is handed to `fetch`: from here on it may reach the server. */
  readonly onSend?: (() => void) | undefined;
}

/** Exactly one attempt per call: no retry, no redirect logic, no state. */
export interface Transport {
  /**
   * Send, and return the JSON of a 2xx answer (`undefined` for an empty one).
   *
   * @throws TinkerApiError - for any other status.
   * @throws TinkerConnectionError - where no answer arrives.
   * @throws TinkerTimeoutError - with scope `attempt`.
   * @throws TinkerResponseError - where the body is not JSON.
   * @throws the signal's reason, unchanged, on abort.
   */
  send(request: TransportRequest): Promise<unknown>;
}

/** A {@link Transport} through ky, whose own retries, timeouts and error statuses are off: they are policies here. */
export function createTransport(options: TransportOptions): Transport {
  const { baseUrl, clock, fetch } = options;
  const ownSecrets = secretsOf(options.defaultHeaders);

  async function exchange(
    request: TransportRequest,
    credential: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const secrets = [credential, ...ownSecrets];
    request.onSend?.();
    const sent = ky(`${baseUrl}${request.path}`, {
      method: request.method,
      headers: requestHeaders(
        credential,
        request.body !== undefined,
        options.defaultHeaders,
        request.headers,
      ),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal,
      // The platform would take the API key along to wherever a redirect points.
      redirect: 'manual',
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
      fetch: (input) => fetch(input as Request),
    });
    try {
      const response = await sent;
      const text = await readText(response, signal);
      const { status } = response;
      const headers = redactHeaders(response.headers, secrets);
      const kept = redact(text, secrets, status >= 200 && status < 300 ? 'success' : 'failure');
      return { path: request.path, status, headers, text: kept, requestId: request.requestId };
    } catch (cause) {
      signal.throwIfAborted();
      throw connectionError(new URL(baseUrl).origin, cause, secrets);
    }
  }

  return {
    send: (request) =>
      withAttemptTimeout(clock, request.timeoutMs, request.signal, async (signal) => {
        const credential = await resolveKey(options.apiKey);
        signal.throwIfAborted();
        const answer = await exchange(request, credential, signal);
        if (answer.status < 200 || answer.status > 299) throw statusError(answer, clock.now());
        return readBody(answer);
      }),
  };
}

/**
 * Read the whole body, or give it back to the platform if the exchange is aborted: by hand, because `text()` locks a
 * body that does not come from a network, and then nobody can cancel it.
 */
async function readText({ body }: Response, signal: AbortSignal): Promise<string> {
  const reader = body?.getReader();
  const stop = (): void => {
    reader?.cancel(signal.reason).catch(() => {});
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      signal.throwIfAborted();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function resolveKey(apiKey: ApiKey): Promise<string> {
  if (typeof apiKey === 'string') return apiKey;
  let key: unknown;
  try {
    key = await apiKey();
  } catch (cause) {
    // Its words stay with the cause: who knows what is in them.
    throw new TinkerConnectionError('The apiKey function failed', { cause, isLocal: true });
  }
  // A header takes visible ASCII only; the platform's own error would show the key.
  if (typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)) return key;
  throw new TinkerInputError(
    'apiKey',
    `must give a key of visible ASCII characters, gave ${typeof key === 'string' ? 'another string' : show(key)}`,
  );
}
