import type { Account } from '../accounts/accounts.ts';
import type { RequestBody } from './request-body.ts';

/** An answer other than 2xx, thrown by whatever finds the request wanting. */
export interface HttpProblem {
  readonly status: number;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A problem to throw. Not an Error: it is an answer, and has no stack worth keeping. */
export function problem(status: number, detail: string, headers: Record<string, string> = {}): HttpProblem {
  return { status, detail, headers };
}

/** Whether something thrown is a {@link HttpProblem}. */
export function isProblem(thrown: unknown): thrown is HttpProblem {
  return typeof thrown === 'object' && thrown !== null && 'status' in thrown && 'detail' in thrown;
}

/** A JSON answer. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

/** One endpoint. */
export type Handler = (call: Call) => Response | Promise<Response>;

/** What a handler sees of a request. */
export interface Call extends RequestBody {
  readonly request: Request;
  /** Parts of the path by the names the route gives them. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who calls. */
  readonly account: Account;
}

/**
 * Endpoints by method and path under `/api/v1`, e.g. `POST optim_step`. In a path `:name` stands for one segment and
 * `*name` for one or more. The first that fits is taken.
 */
export type Routes = Readonly<Record<string, Handler>>;

/** Endpoints that ask for the same credential. */
export interface Area {
  readonly routes: Routes;
  /** Who calls. @throws HttpProblem 401 */
  authenticate(request: Request): Account;
}

/** An endpoint, its pattern ready to match. */
interface Endpoint {
  readonly method: string;
  readonly pattern: RegExp;
  readonly handler: Handler;
  readonly authenticate: Area['authenticate'];
}

/**
 * Answers requests: finds their endpoint under any base path, reads their body, and turns what is thrown into an answer.
 * A bug of a handler is a 500; nothing that comes in a request is thrown on.
 */
export function createRouter(
  areas: readonly Area[],
  readBody: (request: Request) => Promise<RequestBody>,
): (request: Request) => Promise<Response> {
  const endpoints = areas.flatMap(({ routes, authenticate }) =>
    Object.entries(routes).map(([key, handler]): Endpoint => {
      const [method = '', path = ''] = key.split(' ');
      return { method, pattern: patternOf(path), handler, authenticate };
    }),
  );
  return async (request) => {
    try {
      const url = new URL(request.url);
      const [, path = ''] = /\/api\/v1\/(.*)$/.exec(url.pathname) ?? [];
      const { handler, authenticate, params } = findEndpoint(endpoints, request.method, path);
      const account = authenticate(request);
      const body = await readBody(request);
      return await handler({ ...body, request, params, query: url.searchParams, account });
    } catch (thrown) {
      if (isProblem(thrown)) return json({ detail: thrown.detail }, thrown.status, thrown.headers);
      return json({ detail: `Internal error: ${String(thrown)}` }, 500);
    }
  };
}

function findEndpoint(
  endpoints: readonly Endpoint[],
  method: string,
  path: string,
): Endpoint & { readonly params: Record<string, string> } {
  let isKnown = false;
  for (const endpoint of endpoints) {
    const match = endpoint.pattern.exec(path);
    if (match === null) continue;
    isKnown = true;
    if (endpoint.method === method) return { ...endpoint, params: readParams(match.groups ?? {}) };
  }
  throw isKnown ? problem(405, 'Method Not Allowed') : problem(404, 'Not Found');
}

function patternOf(path: string): RegExp {
  const source = path.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/([:*])(\w+)/g, (_, kind, name) => {
    return kind === ':' ? `(?<${name}>[^/]+)` : `(?<${name}>.+)`;
  });
  return new RegExp(`^${source}$`);
}

function readParams(groups: Readonly<Record<string, string>>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, part]) => [name, decodeURIComponent(part)]));
  } catch {
    throw problem(400, 'The path is not valid percent-encoding');
  }
}
