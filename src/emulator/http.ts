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

/** One endpoint: gets the parsed body of the request (an empty object where there is none). */
export type Handler = (call: Call) => Response | Promise<Response>;

/** What a handler sees of a request. */
export interface Call {
  readonly request: Request;
  readonly body: Record<string, unknown>;
  /** The body as it came, to tell a repetition from another request. */
  readonly text: string;
}

/** Endpoints by method and path under `/api/v1`, e.g. `POST optim_step`. */
export type Routes = Readonly<Record<string, Handler>>;

/** Answer a request: find its endpoint under any base path, read its JSON, and turn what is thrown into an answer. */
export async function route(routes: Routes, request: Request): Promise<Response> {
  try {
    const [, path] = /\/api\/v1\/(.*)$/.exec(new URL(request.url).pathname) ?? [];
    const handler = routes[`${request.method} ${path}`];
    if (handler === undefined) {
      const isKnown = Object.keys(routes).some((key) => key.endsWith(` ${path}`));
      throw isKnown ? problem(405, 'Method Not Allowed') : problem(404, 'Not Found');
    }
    const text = await request.text();
    return await handler({ request, text, body: parseBody(text) });
  } catch (thrown) {
    if (isProblem(thrown)) return json({ detail: thrown.detail }, thrown.status);
    throw thrown;
  }
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
