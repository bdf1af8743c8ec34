import ky from 'ky';
import type { Clock } from '../kernel/clock.ts';
import { concatBytes } from '../kernel/concat.ts';
import { withAttemptTimeout } from '../policy/timeout.ts';
import { stringifyExact } from '../wire/json/exact-json.ts';
import { checkedResponse } from './checked-response.ts';
import { type Answer, connectionError, isProtobuf, readBody, statusError } from './classify.ts';
import type { Credential } from './credential.ts';
import { requestHeaders } from './headers.ts';
import { type SendParts, senderOf } from './platform-fetch.ts';
import { redact, redactHeaders, secretsIn, secretsOf } from './redact.ts';

/** The part of `fetch` the library uses: a whole request in, a response out. */
export type FetchLike = (request: Request) => Promise<Response>;

/** Header that carries the credential: the protocol's own, the usual one, or both (servers.md 2.1 item 40). */
export type AuthScheme = 'x-api-key' | 'bearer' | 'both';

/** A body that is not JSON. */
export interface BinaryBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
}

/** What a transport is made of. */
export interface TransportOptions {
  /** Without a trailing slash; the path of a request is appended. */
  readonly baseUrl: string;
  readonly credential: Credential;
  /** Told of a credential that the server refused with a 401; true: it is worth asking for another. @default never */
  readonly refused?: ((credential: string) => boolean) | undefined;
  readonly fetch: FetchLike;
  readonly clock: Clock;
  readonly authScheme: AuthScheme;
  /** Sent with every request; win over the library's own. */
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** What must show in no error, beside what is sent: the key that a token stands for. @default nothing */
  readonly secrets?: readonly string[] | undefined;
}

/** One exchange. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From `/api/v1` on, with the query. */
  readonly path: string;
  /** Sent as JSON, unless it says that it is something else. */
  readonly body?: object | BinaryBody | undefined;
  /** What the answer may be. @default JSON */
  readonly accept?: string | undefined;
  /** Whose request it is, where that is not the client's owner. @default the transport's */
  readonly credential?: Credential | undefined;
  /** Asked first about an answer of any status: its own value for it, or `undefined` to read it like any other. */
  readonly special?: ((answer: Answer) => { readonly value: unknown } | undefined) | undefined;
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
   * Send, and return the JSON of a 2xx answer (`undefined` for an empty one), or its bytes where it is protobuf.
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
  const { baseUrl, clock } = options;
  const transmit = senderOf(options.fetch);
  const decoder = new TextDecoder();
  const isSent = new Response();
  const ownSecrets = [...secretsOf(options.defaultHeaders), ...(options.secrets ?? [])];

  /** Sends what ky builds. It ends there: to wait inside ky for an answer would hold all that it has built until then. */
  function dispatch(
    { method, path }: TransportRequest,
    headers: Headers,
    parts: SendParts,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      ky(`${baseUrl}${path}`, {
        method,
        headers,
        // The platform would take the API key along to wherever a redirect points.
        redirect: 'manual',
        retry: 0,
        timeout: false,
        throwHttpErrors: false,
        // Without body and signal until here: ky would copy the one, and combine the other with one of its own.
        async fetch(built) {
          resolve(transmit(built as Request, parts));
          return isSent;
        },
      }).catch(reject);
    });
  }

  async function exchange(
    request: TransportRequest,
    credential: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    // Whatever fails here fails before anything can have been sent.
    const payload = payloadOf(request);
    const sentHeaders = requestHeaders({
      credential,
      authScheme: options.authScheme,
      accept: request.accept ?? 'application/json',
      content: payload,
      defaults: options.defaultHeaders,
      own: request.headers,
    });
    const { headers: own = {}, body = {} } = request;
    const secrets = [credential, ...ownSecrets, ...secretsOf(own), ...secretsIn(body)];
    let isAnswered = false;
    const fail = (cause: unknown): never => {
      signal.throwIfAborted();
      throw connectionError(new URL(baseUrl).origin, cause, secrets, isAnswered);
    };
    request.onSend?.();
    const answer = await dispatch(request, sentHeaders, { body: payload?.data, signal }).catch(fail);
    isAnswered = true;
    const response = checkedResponse(answer);
    const bytes = await readBytes(response, signal).catch(fail);
    const { status } = response;
    const isSuccess = status >= 200 && status < 300;
    const text = isSuccess && isProtobuf(response.headers) ? '' : decoder.decode(bytes);
    let headers: Headers | undefined;
    return {
      path: pathOf(request),
      status,
      // Few answers are asked for them, and to look through all of them takes its time.
      get headers() {
        headers ??= redactHeaders(response.headers, secrets);
        return headers;
      },
      text: redact(text, secrets, isSuccess ? 'success' : 'failure'),
      bytes,
      requestId: request.requestId,
    };
  }

  /** Once more where a 401 was about a token that has a successor: nothing was taken, so nothing is repeated. */
  async function withAnother(
    request: TransportRequest,
    credential: string,
    { status }: Answer,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    if (status !== 401 || request.credential !== undefined) return undefined;
    if (options.refused?.(credential) !== true) return undefined;
    // Where there is no successor, the refusal is the answer.
    const next = await options.credential(signal).catch(() => credential);
    signal.throwIfAborted();
    return next === credential ? undefined : exchange(request, next, signal);
  }

  async function attempt(request: TransportRequest, signal: AbortSignal): Promise<unknown> {
    const credential = await (request.credential ?? options.credential)(signal);
    signal.throwIfAborted();
    const first = await exchange(request, credential, signal);
    const answer = (await withAnother(request, credential, first, signal)) ?? first;
    const special = request.special?.(answer);
    if (special !== undefined) return special.value;
    if (answer.status < 200 || answer.status > 299) throw statusError(answer, clock.now());
    return readBody(answer);
  }

  return {
    send(request) {
      const work = (signal: AbortSignal): Promise<unknown> => attempt(request, signal);
      return withAttemptTimeout(clock, request.timeoutMs, request.signal, work, pathOf(request));
    },
  };
}

/** A query is not needed to tell requests apart, and may be long. */
function pathOf({ path }: TransportRequest): string {
  return path.split('?', 1)[0] ?? path;
}

/** A body as `fetch` takes it, and its headers. */
interface Payload {
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly encoding: string | undefined;
}

function payloadOf({ method, body }: TransportRequest): Payload | undefined {
  if (body === undefined) {
    // What changes something says that it is JSON even where there is nothing, like the official client (protocol 1.3).
    return method !== 'GET' ? { data: '', type: 'application/json', encoding: undefined } : undefined;
  }
  if ('bytes' in body && body.bytes instanceof Uint8Array) {
    const { bytes, contentType, contentEncoding } = body as BinaryBody;
    return { data: bytes, type: contentType, encoding: contentEncoding };
  }
  return { data: stringifyExact(body), type: 'application/json', encoding: undefined };
}

/**
 * Read the whole body, or give it back to the platform if the exchange is aborted: by hand, because `arrayBuffer()`
 * locks a body that does not come from a network, and then nobody can cancel it.
 */
async function readBytes({ body }: Response, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader();
  const stop = (): void => {
    reader?.cancel(signal.reason).catch(() => {});
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const parts: Uint8Array[] = [];
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      signal.throwIfAborted();
      if (done) return concatBytes(parts);
      parts.push(value);
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
