import { sleep } from '../kernel/abort.ts';
import { decodeUtf8 } from '../kernel/bytes.ts';
import { checkFinite } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** The part of `fetch` a client uses: a whole request in, a response out. */
export type FetchLike = (request: Request) => Promise<Response>;

/** An answer told by what it contains. */
export interface ScriptedAnswer {
  /** HTTP status. */
  readonly status: number;
  /** Sent as JSON. @default {} */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  /** Sent beside `content-type: application/json`, or in its place. */
  readonly headers?: Record<string, string>;
  /** How long it takes, in milliseconds on the script's clock. @default the script's `latencyMs` */
  readonly afterMs?: number | undefined;
}

/**
 * One scripted answer: a {@link ScriptedAnswer}; `nothing`, silence until the request is aborted; `refused`, a broken
 * connection; or code, which may answer as it likes and hears of an abort through `request.signal`.
 */
export type Answer =
  | ScriptedAnswer
  | 'nothing'
  | 'refused'
  | ((request: Request) => Response | Promise<Response>);

/** A request as it was seen. */
export interface SeenRequest {
  /** In upper case. */
  readonly method: string;
  /** What follows `/api/v1/` in the address, without the query; where that is not in it, the whole path. */
  readonly path: string;
  /** As they were sent. */
  readonly headers: Headers;
  /** The object it carried as JSON; `{}` for any other body, and for none. */
  readonly body: Record<string, unknown>;
  /** Its body as it was sent. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** When it was made: the clock's `monotonic()`, `undefined` without a clock. */
  readonly startedAt: number | undefined;
  /** When it was answered, failed or was aborted; `undefined` until then, and without a clock. */
  readonly endedAt: number | undefined;
}

/** What a script may be given beside its answers. */
export interface ScriptOptions {
  /** Times the requests and lets latency pass. @default none: every answer comes at once */
  readonly clock?: Clock | undefined;
  /** How long each answer takes, in milliseconds on `clock`, unless it says so itself. @default 0 */
  readonly latencyMs?: number | undefined;
}

/** A fetch that answers from a script and remembers what it was asked. */
export interface ScriptedFetch {
  /** A client's `fetch` option. */
  readonly fetch: FetchLike;
  /** Every request so far, in the order their bodies had been read. */
  readonly requests: SeenRequest[];
  /** Requests without an end at this moment. */
  readonly inFlight: number;
  /** The most there have been of them at any moment. */
  readonly mostInFlight: number;
  /** The most there have been at any moment to one path, as {@link SeenRequest.path} has it. */
  mostInFlightTo(path: string): number;
}

/**
 * Answer each path from its list, in order, the last one for ever; a path without answers goes to `fallback`. Paths are
 * those after `/api/v1/`, e.g. `optim_step`. An abort ends silence and latency at once, with the signal's reason.
 *
 * @param fallback - @default a 404
 * @throws TinkerInputError - for a latency that cannot be right, or one without a clock to pass on.
 */
export function scriptedFetch(
  script: Readonly<Record<string, readonly Answer[]>>,
  fallback?: FetchLike,
  options: ScriptOptions = {},
): ScriptedFetch {
  const { clock, latencyMs = 0 } = options;
  checkLatencies(script, options);
  const requests: SeenRequest[] = [];
  const turns = new Map<string, number>();
  const flights = createFlights();

  const answer = async (request: Request, path: string): Promise<Response> => {
    const answers = script[path];
    const turn = turns.get(path) ?? 0;
    turns.set(path, turn + 1);
    const next = answers?.[Math.min(turn, answers.length - 1)] ??
      fallback ?? { status: 404, body: NOT_FOUND };
    const afterMs = (typeof next === 'object' ? next.afterMs : undefined) ?? latencyMs;
    // Silence has no latency, and no timer.
    if (clock !== undefined && afterMs > 0 && next !== 'nothing') await sleep(clock, afterMs, request.signal);
    return give(next, request);
  };

  return {
    requests,
    async fetch(request) {
      const path = new URL(request.url).pathname.replace(/^.*\/api\/v1\//, '');
      const startedAt = clock?.monotonic();
      const end = flights.start(path);
      let seen: { endedAt: number | undefined } | undefined;
      try {
        const record = { ...(await see(request)), path, startedAt, endedAt: undefined };
        seen = record;
        requests.push(record);
        request.signal.throwIfAborted();
        return await answer(request, path);
      } finally {
        end();
        if (seen !== undefined) seen.endedAt = clock?.monotonic();
      }
    },
    get inFlight() {
      return flights.now();
    },
    get mostInFlight() {
      return flights.most();
    },
    mostInFlightTo: (path) => flights.most(path),
  };
}

const NOT_FOUND = { detail: 'Not Found' };

function checkLatencies(script: Readonly<Record<string, readonly Answer[]>>, options: ScriptOptions): void {
  const check = (field: string, ms: number | undefined): void => {
    if (ms === undefined) return;
    checkFinite(field, ms, { min: 0 });
    if (ms > 0 && options.clock === undefined)
      throw new TinkerInputError('clock', `must be given for "${field}" to pass on it`);
  };
  check('latencyMs', options.latencyMs);
  for (const [path, answers] of Object.entries(script)) {
    for (const [index, answer] of answers.entries())
      if (typeof answer === 'object') check(`script.${path}[${index}].afterMs`, answer.afterMs);
  }
}

/** Requests under way, in all and by path. */
function createFlights() {
  const all = { now: 0, most: 0 };
  const paths = new Map<string, { now: number; most: number }>();
  return {
    /** Returns what ends it. */
    start(path: string): () => void {
      const own = paths.get(path) ?? { now: 0, most: 0 };
      paths.set(path, own);
      const counts = [all, own];
      for (const count of counts) {
        count.now += 1;
        count.most = Math.max(count.most, count.now);
      }
      return () => {
        for (const count of counts) count.now -= 1;
      };
    },
    now: (): number => all.now,
    most: (path?: string): number => (path === undefined ? all.most : (paths.get(path)?.most ?? 0)),
  };
}

async function see(request: Request) {
  const bytes = new Uint8Array(await request.clone().arrayBuffer());
  return { method: request.method, headers: request.headers, body: jsonObject(bytes), bytes };
}

function jsonObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Bodies need not be JSON; `bytes` has them all.
    return {};
  }
}

function give(answer: Answer, request: Request): Response | Promise<Response> {
  if (typeof answer === 'function') return answer(request);
  if (answer === 'refused')
    throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') });
  // Like a real fetch: silent until aborted.
  if (answer === 'nothing')
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true });
    });
  const { status, body, text = JSON.stringify(body ?? {}), headers = {} } = answer;
  const content = status === 204 || status === 205 || status === 304 ? null : text;
  return new Response(content, { status, headers: { 'content-type': 'application/json', ...headers } });
}
