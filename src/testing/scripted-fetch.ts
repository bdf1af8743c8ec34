import type { FetchLike } from '../transport/transport.ts';

/** One scripted answer: a status with a body and headers, nothing at all, a broken connection, or code. */
export type Answer =
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  | 'nothing'
  | 'refused'
  | ((request: Request) => Response | Promise<Response>);

/** A request as it was seen. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A fetch that answers from a script and remembers what it was asked. */
export interface ScriptedFetch {
  readonly fetch: FetchLike;
  readonly requests: SeenRequest[];
}

/**
 * Answer each path from its list, in order, the last one for ever; a path without a list goes to `fallback`.
 */
export function scriptedFetch(
  script: Record<string, readonly Answer[]>,
  fallback?: FetchLike,
): ScriptedFetch {
  const requests: SeenRequest[] = [];
  const turns = new Map<string, number>();
  return {
    requests,
    async fetch(request) {
      const path = new URL(request.url).pathname.replace(/^.*\/api\/v1\//, '');
      const text = await request.clone().text();
      requests.push({
        method: request.method,
        path,
        headers: request.headers,
        body: text === '' ? {} : JSON.parse(text),
      });
      const answers = script[path];
      if (answers === undefined)
        return fallback === undefined
          ? new Response('{"detail":"Not Found"}', { status: 404 })
          : fallback(request);
      const turn = turns.get(path) ?? 0;
      turns.set(path, turn + 1);
      return give(answers[Math.min(turn, answers.length - 1)]!, request);
    },
  };
}

function give(answer: Answer, request: Request): Response | Promise<Response> {
  if (typeof answer === 'function') return answer(request);
  if (answer === 'refused')
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') });
  if (answer === 'nothing') {
    // Like a real fetch: silent until aborted.
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true });
    });
  }
  const { status, body, text = JSON.stringify(body ?? {}), headers = {} } = answer;
  const content = status === 204 ? null : text;
  return new Response(content, { status, headers: { 'content-type': 'application/json', ...headers } });
}
