import { decodeUtf8 } from '../kernel/bytes.ts';

/** An answer other than 2xx, thrown by whatever finds the request wanting. */
export interface HttpProblem {
  readonly status: number;
  readonly detail: string;
}

/** A problem to throw. Not an Error: it is an answer, and has no stack worth keeping. */
export function problem(status: number, detail: string): HttpProblem {
  return { status, detail };
}

/** Whether something thrown is a {@link HttpProblem}. */
export function isProblem(thrown: unknown): thrown is HttpProblem {
  return typeof thrown === 'object' && thrown !== null && 'status' in thrown && 'detail' in thrown;
}

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** One endpoint. */
export type Handler = (call: Call) => Response | Promise<Response>;

/** What a handler sees of a request. */
export interface Call {
  readonly request: Request;
  /** The JSON object in the body; empty where there is none, or where the body is of another type. */
  readonly body: Record<string, unknown>;
  /** The body as it came, to tell a repetition from another request, and to read what is not JSON. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Parts of the path by the names the route gives them. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/**
 * Endpoints by method and path under `/api/v1`, e.g. `POST optim_step`. In a path `:name` stands for one segment and
 * `*name` for one or more. The first that fits is taken.
 */
export type Routes = Readonly<Record<string, Handler>>;

/** Answer a request: find its endpoint under any base path, read its JSON, and turn what is thrown into an answer. */
export async function route(routes: Routes, request: Request): Promise<Response> {
  try {
    const url = new URL(request.url);
    const [, path = ''] = /\/api\/v1\/(.*)$/.exec(url.pathname) ?? [];
    const { handler, params } = findRoute(routes, request.method, path);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const body = isJson(request) ? parseBody(decodeUtf8(bytes)) : {};
    return await handler({ request, bytes, body, params, query: url.searchParams });
  } catch (thrown) {
    if (isProblem(thrown)) return json({ detail: thrown.detail }, thrown.status);
    throw thrown;
  }
}

function findRoute(
  routes: Routes,
  method: string,
  path: string,
): { readonly handler: Handler; readonly params: Record<string, string> } {
  let isKnown = false;
  for (const [key, handler] of Object.entries(routes)) {
    const [verb, pattern = ''] = key.split(' ');
    const params = matchPath(pattern, path);
    if (params === undefined) continue;
    if (verb === method) return { handler, params };
    isKnown = true;
  }
  throw isKnown ? problem(405, 'Method Not Allowed') : problem(404, 'Not Found');
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/([:*])(\w+)/g, (_, kind, name) => {
    return kind === ':' ? `(?<${name}>[^/]+)` : `(?<${name}>.+)`;
  });
  const match = new RegExp(`^${source}$`).exec(path);
  if (match === null) return undefined;
  const parts = Object.entries(match.groups ?? {});
  return Object.fromEntries(parts.map(([name, part]) => [name, decodeURIComponent(part)]));
}

/** Whatever does not say that it is binary is taken for JSON. */
function isJson(request: Request): boolean {
  return !/protobuf|octet-stream/i.test(request.headers.get('content-type') ?? '');
}

function parseBody(text: string): Record<string, unknown> {
  if (text === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw problem(400, 'The body is not JSON');
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw problem(422, 'The body is not a JSON object');
}
