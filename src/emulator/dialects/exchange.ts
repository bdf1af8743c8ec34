/** A request on its way through a dialect, its body read. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  /** What follows `/api/v1/` in the address, without the query, as it was sent. */
  readonly path: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** What is answered, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Answers a request. */
export type Handle = (exchange: Exchange) => Promise<Answer>;

/** One manner of a server, around what lies within: it may answer itself, and change what goes in and what comes out. */
export type Layer = (next: Handle) => Handle;

/** A request, read. */
export async function readExchange(request: Request): Promise<Exchange> {
  const { method, url, headers, signal } = request;
  const [, path = ''] = /\/api\/v1\/(.*)$/.exec(new URL(url).pathname) ?? [];
  return { method, url, path, headers, signal, bytes: new Uint8Array(await request.arrayBuffer()) };
}

/** The same request, for a handler of requests. */
export function toRequest({ method, url, headers, bytes, signal }: Exchange): Request {
  return new Request(url, { method, headers, signal, ...(bytes.length === 0 ? {} : { body: bytes }) });
}

/** An answer, read. */
export async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** The same answer, for who asked. */
export function toResponse({ status, headers, bytes }: Answer): Response {
  return new Response(bytes.length === 0 ? null : bytes, { status, headers });
}

/** A handler of requests within layers, the first of them outermost. */
export function withLayers(
  core: (request: Request) => Promise<Response>,
  layers: readonly Layer[],
): (request: Request) => Promise<Response> {
  if (layers.length === 0) return core;
  const innermost: Handle = async (exchange) => readAnswer(await core(toRequest(exchange)));
  const handle = layers.reduceRight((next, layer) => layer(next), innermost);
  return async (request) => toResponse(await handle(await readExchange(request)));
}

/** A request that goes on under other headers. */
export function withHeaders(exchange: Exchange, change: (headers: Headers) => void): Exchange {
  const headers = new Headers(exchange.headers);
  change(headers);
  return { ...exchange, headers };
}
