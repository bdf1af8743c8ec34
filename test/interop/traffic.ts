import type { ServerName } from './emulators.ts';

/** The body of a request, as it was on the wire. */
export type SentBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'protobuf'; readonly base64: string };

/** One exchange of a client with a server. */
export interface Exchange {
  readonly server: ServerName;
  readonly method: string;
  /** Under `/api/v1/`, with its query. */
  readonly path: string;
  /** Those that say something to the server, by their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: SentBody;
  readonly status: number;
  readonly answerType: string;
  /** The answer, where it is short and in JSON. */
  readonly answer: string | undefined;
}

/** Headers of requests that the comparison looks at. */
const HEADERS = [
  'accept',
  'content-encoding',
  'content-type',
  'x-tinker-request-iteration',
  'x-tinker-request-type',
  'x-tinker-sampling-backpressure',
];

/** Longest answer that is kept, in characters. */
const MAX_ANSWER = 2_000;

/** A server that keeps what passes through it. */
export function recorded(
  server: ServerName,
  fetch: (request: Request) => Promise<Response>,
  keep: (exchange: Exchange) => void,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    const { method, url, headers, signal } = request;
    const init = { method, headers, signal, ...(bytes.length === 0 ? {} : { body: bytes }) };
    const response = await fetch(new Request(url, init));
    const content = new Uint8Array(await response.arrayBuffer());
    const answerType = response.headers.get('content-type') ?? '';
    const isShort = answerType.includes('json') && content.length <= MAX_ANSWER;
    const { pathname, search } = new URL(url);
    keep({
      server,
      method,
      path: pathname.replace(/^.*\/api\/v1\//, '') + search,
      headers: Object.fromEntries(
        HEADERS.flatMap((name) => {
          const value = headers.get(name);
          return value === null ? [] : [[name, value]];
        }),
      ),
      body: bodyOf(bytes, headers.get('content-type') ?? ''),
      status: response.status,
      answerType,
      answer: isShort ? new TextDecoder().decode(content) : undefined,
    });
    const isEmpty = response.status === 204 || response.status === 304;
    return new Response(isEmpty ? null : content, { status: response.status, headers: response.headers });
  };
}

function bodyOf(bytes: Uint8Array, type: string): SentBody {
  if (bytes.length === 0) return { kind: 'none' };
  if (type.includes('x-protobuf')) return { kind: 'protobuf', base64: Buffer.from(bytes).toString('base64') };
  return { kind: 'json', text: new TextDecoder().decode(bytes) };
}
